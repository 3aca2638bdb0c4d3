// The section on callers and the commands that they start.

import { diagram } from './diagram.mjs';
import { bar, element, foldedTable, nothing } from './parts.mjs';
import { addTo, byCount } from './tally.mjs';
import { number, shortened } from './words.mjs';

const SHOWN_ROWS = 12;

/** Calls `onCaller` with the chosen name. */
export function flows(rows, onCaller) {
  const callers = new Map();
  for (const row of rows) {
    const flow = callers.get(row.caller) ?? newFlow();
    callers.set(row.caller, flow);
    flow.count += row.count;
    flow.groups++;
    for (const { value, count } of row.commands) {
      addTo(flow.commands, value, count);
      addTo(row.passed > 0 ? flow.passed : flow.stopped, value, count);
    }
    for (const { value, count } of row.group.dispositions.values) addTo(flow.became, value, count);
  }
  if (callers.size === 0) return [nothing()];
  const sorted = [...callers].sort(
    byCount(
      ([, { count }]) => count,
      ([name]) => name,
    ),
  );
  return [diagram(sorted), flowTable(sorted, onCaller)];
}

function newFlow() {
  const maps = ['commands', 'passed', 'stopped', 'became'].map(name => [name, new Map()]);
  return { count: 0, groups: 0, ...Object.fromEntries(maps) };
}

function flowTable(sorted, onCaller) {
  const most = sorted[0][1].count;
  const rows = sorted.map(([name, { count, groups, commands, became }]) => {
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
      .map(([name, count]) =>
        element('li', {}, [element('code', {}, [shortened(name)]), ` ${number(count)}`]),
      );
    if (all.length > SHOWN_ROWS)
      chips.push(element('li', {}, [`and ${number(all.length - SHOWN_ROWS)} more`]));
    return [
      { head: true, content: [filter] },
      { content: [element('ul', { class: 'chips' }, chips)] },
      { content: [bar(became, most)] },
      { content: [number(count)], class: 'number' },
      { content: [number(groups)], class: 'number' },
    ];
  });
  return foldedTable({
    caption: 'Callers, and the commands they start with more than stdio',
    titles: ['Caller', 'Commands', 'What became', 'Findings', 'Groups'],
    rows,
    shown: SHOWN_ROWS,
  });
}
