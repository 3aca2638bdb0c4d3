// Elements of the page. Strings become text nodes or attributes without behaviour, never HTML: the data
// is untrusted.

import { number, shortened } from './words.mjs';

export function element(name, attributes = {}, content = []) {
  return filled(document.createElement(name), attributes, content);
}

export function svg(name, attributes = {}, content = []) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, content);
}

/** Strings become text nodes. */
function filled(made, attributes, content) {
  for (const [key, value] of Object.entries(attributes))
    if (value !== '' || key === 'value' || key === 'disabled') made.setAttribute(key, String(value));
  made.append(...content);
  return made;
}

/** A section that folds; on a narrow screen it is folded at first. */
export function section(id, title, ...content) {
  const box = element('details', {}, [
    element('summary', {}, [element('h2', { id: `${id}-title` }, [title])]),
    ...content,
  ]);
  box.open = !isNarrow();
  return element('section', { id, 'aria-labelledby': `${id}-title` }, [box]);
}

/** A section that is always open. */
export function openSection(id, title, ...content) {
  return element('section', { id, 'aria-labelledby': `${id}-title` }, [
    element('h2', { id: `${id}-title` }, [title]),
    ...content,
  ]);
}

export function isNarrow() {
  return matchMedia('screen and (max-width: 60rem)').matches;
}

/** Cut in the middle, with all of it as a tooltip. */
export function cut(text, most) {
  const short = shortened(text, most);
  return element('code', short === text ? {} : { title: text }, [short]);
}

export function stateBadge(state) {
  return element('span', { class: `badge state-${state}` }, [state]);
}

/** Bars for equal parts of the time of the report, in proportion to the largest. */
export function sparkline(counts) {
  const most = Math.max(1, ...counts);
  const label = `Over the time of the report, at most ${number(most)} in a part of ${counts.length}`;
  return bars(counts, most, { role: 'img' }, [tip(label)]);
}

/** The same within a control, whose name it is no part of. */
export function trend(counts) {
  return bars(counts, Math.max(1, ...counts), { 'aria-hidden': 'true' }, []);
}

function bars(counts, most, attributes, content) {
  const drawn = counts.flatMap((count, index) => {
    const height = Math.max(1, (18 * count) / most);
    return count === 0 ? [] : [svg('rect', { x: index * 3, y: 18 - height, width: 2, height })];
  });
  const box = { viewBox: `0 0 ${counts.length * 3} 18`, class: 'sparkline' };
  return svg('svg', { ...box, ...attributes }, [...content, ...drawn]);
}

export function table({ caption, titles, rows }) {
  const isNumber = index => rows[0]?.[index]?.class === 'number';
  const head = titles.map((title, index) =>
    element('th', { scope: 'col', role: 'columnheader', class: isNumber(index) ? 'number' : '' }, [title]),
  );
  const body = rows.map(cells =>
    element(
      'tr',
      { role: 'row' },
      cells.map(({ head, content, class: name = '' }, index) =>
        element(
          head ? 'th' : 'td',
          {
            class: name,
            'data-title': titles[index],
            role: head ? 'rowheader' : 'cell',
            ...(head && { scope: 'row' }),
          },
          [element('div', {}, content)],
        ),
      ),
    ),
  );
  return element('table', { role: 'table' }, [
    element('caption', {}, [caption]),
    element('thead', { role: 'rowgroup' }, [element('tr', { role: 'row' }, head)]),
    element('tbody', { role: 'rowgroup' }, body),
  ]);
}

/** Shows the first few rows, and a button for the others. */
export function foldedTable({ caption, titles, rows, shown }) {
  const made = table({ caption, titles, rows: rows.slice(0, shown) });
  if (rows.length <= shown) return made;
  const more = element('button', { type: 'button', class: 'more' }, [`Show all ${number(rows.length)}`]);
  const box = element('div', { 'data-key': caption }, [made, more]);
  more.addEventListener('click', () => {
    const all = table({ caption, titles, rows });
    box.replaceChildren(all);
    box.dataset.whole = '';
    // Move the focus to the first new row.
    const next = all.tBodies[0].rows[shown];
    next.tabIndex = -1;
    next.focus();
  });
  return box;
}

/** A bar that shows the parts of a count, in proportion to the largest count of its table. */
export function bar(parts, most, sort) {
  const shown = [...parts].filter(([, count]) => count > 0);
  const text = shown.map(([name, count]) => `${number(count)} ${name}`).join(', ');
  const pieces = shown.map(([name, count]) => {
    const piece = element('span', { class: `${sort}-${name}` });
    piece.style.width = `${(count / most) * 100}%`;
    return piece;
  });
  return element('div', { class: 'bar', role: 'img', 'aria-label': text, title: text }, pieces);
}

/** `names`: titles by classes. */
export function legend(names) {
  return element(
    'ul',
    { class: 'legend' },
    Object.entries(names).map(([name, title]) =>
      element('li', {}, [element('span', { class: `swatch ${name}` }), title]),
    ),
  );
}

export function choice(options) {
  return element(
    'select',
    {},
    options.map(([value, title]) => element('option', { value }, [title])),
  );
}

export function nothing(text = 'Nothing here.') {
  return element('p', { class: 'dim' }, [text]);
}

export function tip(text) {
  return svg('title', {}, [text]);
}
