// The script of the page of `closefds report --html`. The filters apply to all sections but that over time. A page
// that closefds serves is made anew for each newer report.

import { decisions, NEEDING } from './decisions.mjs';
import { createFilters } from './filters.mjs';
import { flows } from './flows.mjs';
import { createGroupTable } from './group-table.mjs';
import { keepingPlace } from './keep-place.mjs';
import { followServer } from './live.mjs';
import { openers } from './openers.mjs';
import { element, openSection, section, stateBadge, table } from './parts.mjs';
import { toRow } from './row.mjs';
import { timeline } from './timeline.mjs';
import { groupsTitle, moment, number, processCount } from './words.mjs';

const main = document.getElementById('main');
const bar = document.getElementById('bar');
const first = JSON.parse(document.getElementById('data').textContent);
let groupTable = createGroupTable();
addEventListener('beforeprint', openAll);
showReport(first);
if (first.version !== undefined) followServer(first.version, update);

function update(data) {
  const table = groupTable.state();
  const renew = () => {
    groupTable = createGroupTable();
    main.replaceChildren();
    bar.replaceChildren();
    document.getElementById('head').textContent = data.head;
    showReport(data);
  };
  keepingPlace(renew, () => groupTable.restore(table));
}

function showReport(data) {
  if (data.byCaller.length === 0) main.append(...notices(data), nothingToReport());
  else showGroups(data);
  if (data.bySelf.length > 0) main.append(section('self', 'About closefds itself', selfTable(data)));
}

function showGroups(data) {
  const rows = data.byCaller.map((group, index) => toRow(group, index, data.tallies));
  const [decisionPlace, flowPlace, openerPlace] = [element('div'), element('div'), element('div')];
  const filters = createFilters(rows, show);
  bar.append(filters.form);
  main.append(
    tiles(data),
    ...notices(data),
    openSection('decisions', 'Needs a decision', decisionPlace),
    openSection('groups', 'No decision needed', ...groupTable.content),
    section('time', 'Over time', timeline(data.timeline)),
    section('flows', 'Who passes what to whom', flowPlace),
    section('openers', 'Strays by who most likely opened them', openerPlace),
  );
  show(rows);

  function show(chosen) {
    decisionPlace.replaceChildren(...decisions(chosen));
    groupTable.show(chosen.filter(({ state }) => !NEEDING.includes(state)));
    flowPlace.replaceChildren(...flows(chosen, chooseCaller));
    openerPlace.replaceChildren(...openers(chosen));
  }

  function chooseCaller(name) {
    filters.choose('caller', name);
    groupTable.focus();
  }
}

/** Paper cannot be unfolded. */
function openAll() {
  for (const box of document.querySelectorAll('section > details, .card')) box.open = true;
}

/** The states with their meanings: a legend with sums. */
function tiles({ byCaller, states }) {
  const list = states.map(({ state, meaning }) => {
    const groups = byCaller.filter(group => group.state === state);
    const count = groups.reduce((sum, group) => sum + group.count, 0);
    return element('div', { class: `tile state-${state}` }, [
      element('dt', {}, [stateBadge(state), ' ', element('span', { class: 'meaning' }, [meaning])]),
      element('dd', {}, [
        element('strong', {}, [number(groups.length)]),
        ` ${groupsTitle(groups.length)}, ${number(count)}`,
      ]),
    ]);
  });
  return element('dl', { class: 'tiles', 'aria-label': 'States' }, list);
}

function notices({ other, hidden, skipped }) {
  const texts = [];
  if (hidden.groups > 0)
    texts.push(`${number(hidden.groups)} more groups with ${number(hidden.count)} findings were left out.`);
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
    titles: ['Code', 'What happened', 'Count', 'Processes', 'Last seen'],
    rows: bySelf.map(({ code, what, count, processes, last }) => [
      { head: true, content: [element('code', {}, [code])] },
      { content: [what] },
      { content: [number(count)], class: 'number' },
      { content: [processCount(processes)], class: 'number' },
      { content: [moment(last)], class: 'number' },
    ]),
  });
}
