// One group as a row of the table, with its details in a second row.

import { factList, groupBody } from './group-body.mjs';
import { cut, element, isNarrow, sparkline, stateBadge } from './parts.mjs';
import { COLUMNS, KINDS } from './row.mjs';
import { moment, number, processCount, shortened } from './words.mjs';

const DASH = '\u2013';

export function groupRows(row, index) {
  const id = `group-${index}`;
  const name = [row.caller, row.kind, row.target].filter(Boolean).join(', ');
  const toggle = element(
    'button',
    {
      type: 'button',
      'data-key': `row ${row.key}`,
      'aria-expanded': 'false',
      'aria-controls': id,
      'aria-label': `Details of ${name}`,
    },
    ['Details'],
  );
  const details = element('tr', { id, class: 'details', role: 'row' });
  details.hidden = true;
  toggle.addEventListener('click', () => {
    details.hidden = !details.hidden;
    toggle.setAttribute('aria-expanded', String(!details.hidden));
    if (!details.hidden && details.childElementCount === 0)
      details.append(
        element('td', { colspan: COLUMNS.length + 1, role: 'cell' }, [
          element('div', {}, [...groupBody(row), factList(row)]),
        ]),
      );
  });
  return [element('tr', { role: 'row' }, cellsOf(row, toggle)), details];
}

function cellsOf(row, toggle) {
  const { group } = row;
  const contents = {
    rank: stateBadge(row.state),
    count: number(row.count),
    processes: processCount(group.processes),
    outcome: outcome(row),
    kind: [KINDS[row.kind] ?? 'nothing', row.fds === '' ? '' : ` as FD ${row.fds}`].join(''),
    target: row.target === '' ? DASH : isNarrow() ? endOf(row.target) : cut(row.target, 44),
    caller: element('span', {}, [
      element('strong', {}, [shortened(row.caller, 44)]),
      element('br'),
      element('span', { class: 'place dim' }, [cut(row.place, 44)]),
    ]),
    command: shortList(row.commands),
    peak: sparkline(group.sparkline),
    last: moment(row.last),
  };
  const cells = COLUMNS.map(({ key, title, isNumber }) => {
    const isHead = key === 'caller';
    const kind = isHead ? { role: 'rowheader', scope: 'row' } : { role: 'cell' };
    return element(
      isHead ? 'th' : 'td',
      { class: `${isNumber ? 'number ' : ''}cell-${key}`, ...kind, 'data-title': title },
      [element('div', {}, [contents[key]])],
    );
  });
  return [...cells, element('td', { class: 'cell-details', role: 'cell' }, [element('div', {}, [toggle])])];
}

/** On a phone there is room for the end of a path only, which the style cuts at its begin. */
function endOf(text) {
  return element('code', { title: text }, [[...text].slice(-60).join('')]);
}

function outcome({ group, outcomes, used, candidate }) {
  const use = used === '' || used === 'unknown' ? [] : [used];
  const failed = group.childFailed ? ['child failed'] : [];
  return element('span', {}, [
    [...outcomes, ...use, ...failed].join(', ') || DASH,
    ...candidate.map(name => element('span', { class: 'badge tried' }, [`candidate: ${name}`])),
  ]);
}

function shortList(tally) {
  if (tally.length === 0) return DASH;
  const names = tally.slice(0, 3).flatMap(({ value }, index) => [index === 0 ? '' : ', ', cut(value, 30)]);
  return element('span', {}, [...names, tally.length > 3 ? ` and ${tally.length - 3} more` : '']);
}
