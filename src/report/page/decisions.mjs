// The section that a report begins with: a card for each group that needs a decision.

import { factList, groupBody, shortTarget } from './group-body.mjs';
import { element, isNarrow, nothing, stateBadge, trend } from './parts.mjs';
import { number } from './words.mjs';

export const NEEDING = ['broke', 'undecided'];

const SHOWN = 50;
const OPEN_AT_FIRST = 5;

export function decisions(rows) {
  const open = rows.filter(({ state }) => NEEDING.includes(state));
  if (open.length === 0) return [nothing('Nothing here needs a decision.')];
  const list = element('ul', { class: 'cards' }, open.slice(0, SHOWN).map(card));
  const box = element('div', { 'data-key': 'decisions' }, [list]);
  if (open.length <= SHOWN) return [box];
  const more = element('button', { type: 'button', class: 'more' }, [`Show all ${number(open.length)}`]);
  more.addEventListener('click', () => {
    list.append(...open.slice(SHOWN).map((row, index) => card(row, SHOWN + index)));
    more.remove();
    box.dataset.whole = '';
    list.children[SHOWN].querySelector('summary').focus();
  });
  box.append(more);
  return [box];
}

function card(row, index) {
  const facts = element('details', { class: 'all-facts' }, [element('summary', {}, ['All facts'])]);
  facts.addEventListener('toggle', () => {
    if (facts.open && facts.children.length === 1) facts.append(factList(row));
  });
  const box = element('details', { class: `card state-${row.state}`, 'data-key': `card ${row.key}` }, [
    element('summary', {}, [
      stateBadge(row.state),
      element('span', { class: 'title' }, [
        element('strong', {}, [row.caller]),
        ' ',
        shortTarget(row, 40),
        row.command === '' ? '' : ` to ${row.command}`,
      ]),
      trend(row.group.sparkline),
      element('span', { class: 'number' }, [number(row.count)]),
    ]),
    element('div', { class: 'card-body' }, [...groupBody(row), facts]),
  ]);
  box.open = !isNarrow() && index < OPEN_AT_FIRST;
  return element('li', {}, [box]);
}
