// The section on callers and the commands that they start.

import { diagram } from './diagram.mjs';
import { bar, cut, element, foldedTable, nothing } from './parts.mjs';
import { addTo, byCount } from './tally.mjs';
import { number, shortened } from './words.mjs';

const SHOWN_ROWS = 12;

/** Calls `onCaller` with the chosen name. */
export function flows(rows, onCaller) {
  const callers = new Map();
  for (const row of rows) {
    const flow = callers.get(row.caller) ?? { count: 0, groups: 0, commands: new Map(), states: new Map() };
    callers.set(row.caller, flow);
    flow.count += row.count;
    flow.groups++;
    for (const { value, count } of row.commands) addTo(flow.commands, value, count);
    addTo(flow.states, row.state, row.count);
  }
  if (callers.size === 0) return [nothing()];
  const sorted = [...callers].sort(
    byCount(
      ([, { count }]) => count,
      ([name]) => name,
    ),
  );
  return [diagram(rows), flowTable(sorted, onCaller)];
}

function flowTable(sorted, onCaller) {
  const most = sorted[0][1].count;
  const rows = sorted.map(([name, { count, groups, commands, states }]) => {
    const filter = element(
      'button',
      { type: 'button', class: 'link', title: 'Show the groups of this caller' },
      [shortened(name)],
    );
    filter.addEventListener('click', () => onCaller(name));
    const all = [...commands].sort(
      byCount(
        ([, count]) => count,
        ([name]) => name,
      ),
    );
    const chips = all
      .slice(0, SHOWN_ROWS)
      .map(([name, count]) => element('li', {}, [cut(name), ` ${number(count)}`]));
    if (all.length > SHOWN_ROWS)
      chips.push(element('li', {}, [`and ${number(all.length - SHOWN_ROWS)} more`]));
    return [
      { head: true, content: [filter] },
      { content: [element('ul', { class: 'chips' }, chips)] },
      { content: [bar(states, most, 'state')] },
      { content: [number(count)], class: 'number' },
      { content: [number(groups)], class: 'number' },
    ];
  });
  return foldedTable({
    caption: 'Callers, and the commands they start with more than stdio',
    titles: ['Who', 'To', 'States', 'Count', 'Groups'],
    rows,
    shown: SHOWN_ROWS,
  });
}
