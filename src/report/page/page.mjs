// The script of the page of `closefds report --html`. The filters apply to the last three sections.

import { createFilters } from './filters.mjs';
import { flows } from './flows.mjs';
import { createGroupTable } from './group-table.mjs';
import { openers } from './openers.mjs';
import { element, section, table } from './parts.mjs';
import { toRow } from './row.mjs';
import { countOf, DISPOSITIONS } from './tally.mjs';
import { timeline } from './timeline.mjs';
import { groupsTitle, moment, number, processCount } from './words.mjs';

showReport(JSON.parse(document.getElementById('data').textContent), document.getElementById('main'));

function showReport(data, main) {
  if (data.byCaller.length === 0) main.append(...notices(data), nothingToReport());
  else showGroups(data, main);
  if (data.bySelf.length > 0) main.append(section('self', 'About closefds itself', selfTable(data)));
}

function showGroups(data, main) {
  const rows = data.byCaller.map(group => toRow(group, data.tallies));
  const [flowPlace, openerPlace] = [element('div'), element('div')];
  const groupTable = createGroupTable();
  const filters = createFilters(rows, update);
  main.append(
    tiles(data),
    ...notices(data),
    section('time', 'Over time', timeline(data.timeline)),
    filters.form,
    section('flows', 'Who passes what to whom', flowPlace),
    section('openers', 'Strays by who most likely opened them', openerPlace),
    section('groups', 'Groups', ...groupTable.content),
  );
  update(rows);

  function update(chosen) {
    flowPlace.replaceChildren(...flows(chosen, chooseCaller));
    openerPlace.replaceChildren(...openers(chosen));
    groupTable.show(chosen);
  }

  function chooseCaller(name) {
    filters.choose('caller', name);
    groupTable.focus();
  }
}

function tiles({ total, byCaller }) {
  const { count } = total.processes;
  const all = [
    [total.count === 1 ? 'finding' : 'findings', number(total.count), ''],
    ...DISPOSITIONS.map(name => [name, number(countOf(total.dispositions, name)), name]),
    [count === 1 ? 'process' : 'processes', processCount(total.processes), ''],
    [groupsTitle(byCaller.length), number(byCaller.length), ''],
  ];
  const list = all.map(([name, value, sort]) =>
    element('div', { class: `tile ${sort}` }, [element('dt', {}, [name]), element('dd', {}, [value])]),
  );
  return element('dl', { class: 'tiles', 'aria-label': 'Sums' }, list);
}

function notices({ other, skipped }) {
  const texts = [];
  if (other.records > 0)
    texts.push(
      `${number(other.count)} findings are of groups for which there was no room: the sums have them, the tables do not.`,
    );
  if (skipped !== undefined) texts.push(skipped);
  return texts.map(text => element('p', { class: 'notice' }, [text]));
}

function nothingToReport() {
  return element('p', { class: 'notice good' }, [
    'As far as these files tell, nothing was passed without a rule, and nothing had to be closed.',
  ]);
}

function selfTable({ bySelf }) {
  return table({
    caption: 'What closefds reports of itself',
    titles: ['Code', 'What happened', 'Findings', 'Processes', 'Last seen'],
    rows: bySelf.map(({ code, what, count, processes, last }) => [
      { head: true, content: [element('code', {}, [code])] },
      { content: [what] },
      { content: [number(count)], class: 'number' },
      { content: [processCount(processes)], class: 'number' },
      { content: [moment(last)], class: 'number' },
    ]),
  });
}
