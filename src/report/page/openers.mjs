// The section on strays by the package that most likely opened them.

import { bar, cut, element, foldedTable, nothing } from './parts.mjs';
import { addTo, byCount } from './tally.mjs';
import { number, shortened } from './words.mjs';

const SHOWN_ROWS = 12;

export function openers(rows) {
  const all = new Map();
  for (const row of rows) {
    for (const { value, count } of row.openers) {
      const opener = all.get(value) ?? { count: 0, targets: new Map() };
      all.set(value, opener);
      opener.count += count;
      addTo(opener.targets, row.target || 'unknown', count);
    }
  }
  if (all.size === 0) return [nothing('No strays here.')];
  const sorted = [...all].sort(
    byCount(
      ([, { count }]) => count,
      ([name]) => name,
    ),
  );
  const most = sorted[0][1].count;
  const table = foldedTable({
    caption: 'An FD does not say who opened it: these packages are loaded and known for such files',
    titles: ['Opener', 'Files', 'Share', 'Count'],
    rows: sorted.map(([name, { count, targets }]) => {
      const known = [...targets].sort(
        byCount(
          ([, count]) => count,
          ([name]) => name,
        ),
      );
      const files = known.slice(0, 4).map(([target]) => element('li', {}, [cut(target, 60)]));
      if (known.length > 4) files.push(element('li', {}, [`and ${number(known.length - 4)} more`]));
      return [
        { head: true, content: [shortened(name)] },
        { content: [element('ul', { class: 'chips' }, files)] },
        { content: [bar(new Map([['stray', count]]), most, 'kind')] },
        { content: [number(count)], class: 'number' },
      ];
    }),
    shown: SHOWN_ROWS,
  });
  return [table];
}
