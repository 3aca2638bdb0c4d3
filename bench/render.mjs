// Results as text for the terminal, and their summary as Markdown for the page. Pure.

import { summary } from './summary.mjs';

/** How a number of each unit is shown; a column without one holds words. */
const UNITS = {
  ms: value => digits(value, 2),
  us: value => digits(value, 1),
  s: value => digits(value, 2),
  ratio: value => value.toFixed(value < 10 ? 3 : 0),
  MB: value => digits(value, 1),
  number: value => digits(value, 1),
  count: value => Math.round(value).toLocaleString('en'),
};

/** A median with its bounds, a number, words, or nothing. */
function cell(value, unit) {
  if (value === null || value === undefined) return '-';
  if (typeof value === 'string') return value;
  const show = UNITS[unit];
  if (typeof value === 'number') return show(value);
  return `${show(value.median)} [${show(value.low)}, ${show(value.high)}]`;
}

function digits(value, most) {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? Math.min(1, most) : most);
}

function heading({ title, unit }) {
  return unit === undefined || ['ratio', 'count', 'number'].includes(unit) ? title : `${title} (${unit})`;
}

function cells({ columns, rows }) {
  return [columns.map(heading), ...rows.map(row => row.map((value, at) => cell(value, columns[at].unit)))];
}

export function toText(section) {
  const tables = section.tables.map(table => {
    const lines = cells(table);
    const widths = table.columns.map((_, at) => Math.max(...lines.map(line => line[at].length)));
    const text = lines.map(line =>
      line
        .map((value, at) => value.padEnd(widths[at]))
        .join('  ')
        .trimEnd(),
    );
    return [table.title, '', ...text].join('\n');
  });
  return [`## ${section.title}`, conditions(section), ...tables, ...section.notes].join('\n\n');
}

/** The summary as a table, and when and where it was measured. */
function toMarkdown(results) {
  const lines = summary(results).map(({ what, value, goal, met }) =>
    [what, value, goal, met].map(text => text ?? '-'),
  );
  const all = [['what', 'measured', 'goal', 'met'], ...lines];
  const widths = all[0].map((_, at) => Math.max(3, ...all.map(line => line[at].length)));
  const row = line => `| ${line.map((text, at) => text.padEnd(widths[at])).join(' | ')} |`;
  const [head, ...body] = all.map(row);
  const rule = row(widths.map(width => '-'.repeat(width)));
  return [[head, rule, ...body].join('\n'), conditions(results.spawn)].join('\n\n');
}

function conditions({ date, machine, load, seconds }) {
  const { cpu, memory, kernel, node } = machine;
  return `${date}, ${cpu}, ${memory}, ${kernel}, Node ${node}; load average ${load[0]} at the begin and ${load[1]} at the end of ${seconds} seconds.`;
}

const BEGIN = '<!-- results: npm run bench -->';
const END = '<!-- end of results -->';

/** The page with the summary of these results between its markers. */
export function renderInto(page, results) {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`expected the lines "${BEGIN}" and "${END}"`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${toMarkdown(results)}\n\n${page.slice(end)}`;
}
