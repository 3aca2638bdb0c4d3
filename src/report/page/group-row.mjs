// One group as a row of the table, with its details in a second row.

import { element } from './parts.mjs';
import { COLUMNS, KINDS } from './row.mjs';
import { moment, number, processCount, shortened } from './words.mjs';

export function groupRows(row, index) {
  const { group } = row;
  const id = `group-${index}`;
  const toggle = element(
    'button',
    {
      type: 'button',
      'aria-expanded': 'false',
      'aria-controls': id,
      'aria-label': `Details of ${row.caller}, ${row.kind} ${row.target}`,
    },
    ['Details'],
  );
  const details = element('tr', { id, class: 'details', role: 'row' });
  details.hidden = true;
  toggle.addEventListener('click', () => {
    details.hidden = !details.hidden;
    toggle.setAttribute('aria-expanded', String(!details.hidden));
    if (!details.hidden && details.childElementCount === 0)
      details.append(element('td', { colspan: COLUMNS.length + 1, role: 'cell' }, [detailList(row)]));
  });
  const what = [KINDS[row.kind] ?? 'nothing', row.fds === '' ? '' : ` as FD ${row.fds}`].join('');
  const cells = [
    [number(row.count), 'number'],
    [processCount(group.processes), 'number'],
    [
      element('span', { class: 'badges' }, [
        ...row.became.map(name => element('span', { class: `badge ${name}` }, [name])),
        ...row.candidate.map(name => element('span', { class: 'badge tried' }, [`candidate: ${name}`])),
      ]),
    ],
    [what],
    [element('code', {}, [shortened(row.target) || '\u2013'])],
    [
      element('span', {}, [
        element('strong', {}, [shortened(row.caller)]),
        element('br'),
        element('code', { class: 'dim' }, [shortened(row.place)]),
      ]),
    ],
    [element('code', {}, [shortList(row.commands)])],
    [row.used || '\u2013'],
    [moment(row.last), 'number'],
    [toggle],
  ].map(([content, name], column) => {
    const isHead = COLUMNS[column]?.key === 'caller';
    return element(
      isHead ? 'th' : 'td',
      {
        class: name ?? '',
        role: isHead ? 'rowheader' : 'cell',
        ...(isHead && { scope: 'row' }),
        'data-title': COLUMNS[column]?.title ?? '',
      },
      [element('div', {}, [content])],
    );
  });
  return [element('tr', { role: 'row' }, cells), details];
}

function shortList(tally) {
  const names = tally.slice(0, 3).map(({ value }) => shortened(value, 60));
  return names.join(', ') + (tally.length > 3 ? ` and ${tally.length - 3} more` : '') || '\u2013';
}

function detailList({ group, tallies, place, openers, caller }) {
  const { first, last, function: name } = { ...group, ...group.caller };
  // The row names openers that have no name, too.
  const counted = { ...group, openers: { values: openers, other: 0 } };
  const facts = [
    ['Caller', caller],
    ['Place', place + (name === undefined ? '' : ` in ${name}()`)],
    ['File', runningFile(group.caller)],
    ['Seen', `${moment(first)} to ${moment(last)} UTC`],
    ...tallies.filter(({ title }) => title !== undefined).map(({ name, title }) => [title, counted[name]]),
  ];
  const items = facts.flatMap(([title, fact]) => {
    if (fact === undefined || fact === '') return [];
    if (typeof fact === 'string') return [element('dt', {}, [title]), element('dd', {}, [fact])];
    if (fact.values.length === 0 && fact.other === 0) return [];
    const values = fact.values.map(({ value, count }) =>
      element('li', {}, [element('code', {}, [String(value)]), ` ${number(count)}`]),
    );
    if (fact.other > 0) values.push(element('li', {}, [`others ${number(fact.other)}`]));
    return [element('dt', {}, [title]), element('dd', {}, [element('ul', { class: 'chips' }, values)])];
  });
  return element('dl', { class: 'facts' }, items);
}

/** With its line where the place above is that of the source. */
function runningFile(caller) {
  if (caller?.source === undefined || caller.line === undefined) return caller?.file;
  return `${caller.file}:${caller.line}:${caller.column ?? 0}`;
}
