// The sorted table of groups, in pages of a hundred.

import { groupRows } from './group-row.mjs';
import { element, nothing } from './parts.mjs';
import { COLUMNS } from './row.mjs';
import { number } from './words.mjs';

const PAGE_SIZE = 100;

export function createGroupTable() {
  const place = element('div');
  const buttons = element('nav', { class: 'pages', 'aria-label': 'Pages of the table' });
  let rows = [];
  let order = { key: 'rank', descending: false };
  let page = 0;

  return { content: [place, buttons], show, focus, state: () => ({ order, page }), restore };

  /** The order and the page that a table before had. */
  function restore(state) {
    ({ order } = state);
    page = Math.min(state.page, Math.max(0, Math.ceil(rows.length / PAGE_SIZE) - 1));
    if (rows.length > 0) draw();
  }

  function show(chosen) {
    rows = chosen;
    page = 0;
    draw();
  }

  function draw() {
    const sorted = [...rows].sort(by(order));
    const from = page * PAGE_SIZE;
    const shown = sorted.slice(from, from + PAGE_SIZE);
    const given = { from, total: sorted.length, order, onSort };
    place.replaceChildren(shown.length === 0 ? nothing() : groupTable(shown, given));
    buttons.replaceChildren(...pageButtons(from, shown.length));
  }

  function onSort(key, isNumber) {
    order = { key, descending: order.key === key ? !order.descending : isNumber };
    page = 0;
    draw();
    // The button is a new element; the keyboard focus must stay on it.
    place.querySelector(`[data-sort="${key}"]`).focus();
  }

  function pageButtons(from, shown) {
    if (rows.length <= PAGE_SIZE) return [];
    const range = `${number(from + 1)} to ${number(from + shown)} of ${number(rows.length)}`;
    return [pageButton('Previous', page - 1), element('span', {}, [range]), pageButton('Next', page + 1)];
  }

  function pageButton(title, to) {
    const button = element('button', { type: 'button' }, [title]);
    button.disabled = to < 0 || to * PAGE_SIZE >= rows.length;
    button.addEventListener('click', () => {
      page = to;
      draw();
      focus();
    });
    return button;
  }

  /** Focuses the heading, which is before the content that changed. */
  function focus() {
    const heading = document.getElementById('groups-title');
    heading.tabIndex = -1;
    heading.focus();
  }
}

/** Rows with equal values are sorted by falling count. */
function by({ key, descending }) {
  const sortValue = row => row[key];
  return (a, b) => {
    const [x, y] = [sortValue(a), sortValue(b)];
    const sign = x < y ? -1 : x > y ? 1 : 0;
    return (descending ? -sign : sign) || b.count - a.count;
  };
}

function groupTable(rows, { from, total, order, onSort }) {
  const caption = `Groups ${number(from + 1)} to ${number(from + rows.length)} of ${number(total)}: one service, one place in its code, one kind, one target`;
  const head = COLUMNS.map(({ key, title, isNumber }) => {
    const isSorted = order.key === key;
    const arrow = isSorted ? (order.descending ? '\u2193' : '\u2191') : '';
    const button = element('button', { type: 'button', class: 'sort', 'data-sort': key }, [
      title,
      element('span', { class: 'arrow', 'aria-hidden': 'true' }, [arrow]),
    ]);
    button.addEventListener('click', () => onSort(key, isNumber === true));
    const sorted = isSorted ? (order.descending ? 'descending' : 'ascending') : 'none';
    return element(
      'th',
      { scope: 'col', role: 'columnheader', 'aria-sort': sorted, class: isNumber ? 'number' : '' },
      [button],
    );
  });
  head.push(
    element('th', { scope: 'col', role: 'columnheader' }, [
      element('span', { class: 'hidden' }, ['Details']),
    ]),
  );
  const body = rows.flatMap((row, index) => groupRows(row, from + index));
  return element('table', { class: 'groups', role: 'table' }, [
    element('caption', {}, [caption]),
    element('thead', { role: 'rowgroup' }, [element('tr', { role: 'row' }, head)]),
    element('tbody', { role: 'rowgroup' }, body),
  ]);
}
