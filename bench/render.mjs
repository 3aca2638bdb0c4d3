// Results as text for the terminal and as Markdown for the page. Pure.

/** How a number of each unit is shown; a column without one holds words. */
const UNITS = {
  ms: value => digits(value, 2),
  us: value => digits(value, 1),
  s: value => digits(value, 2),
  ratio: value => value.toFixed(value < 10 ? 3 : 0),
  MB: value => digits(value, 1),
  count: value => Math.round(value).toLocaleString('en'),
};

/** A median with its quartiles, a number, words, or nothing. */
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
  return unit === undefined || unit === 'ratio' || unit === 'count' ? title : `${title} (${unit})`;
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

function toMarkdown(section) {
  const tables = section.tables.map(table => {
    const lines = cells(table);
    const widths = table.columns.map((_, at) => Math.max(3, ...lines.map(line => line[at].length)));
    const row = line => `| ${line.map((value, at) => value.padEnd(widths[at])).join(' | ')} |`;
    const rule = row(widths.map(width => '-'.repeat(width)));
    const [head, ...body] = lines;
    return [`**${table.title}**`, '', row(head), rule, ...body.map(row)].join('\n');
  });
  return [`## ${section.title}`, conditions(section), ...tables, ...section.notes].join('\n\n');
}

function conditions({ date, machine, load, seconds }) {
  const { cpu, memory, kernel, node } = machine;
  return `${date}, ${cpu}, ${memory}, ${kernel}, Node ${node}; load average ${load[0]} at the begin and ${load[1]} at the end of ${seconds} seconds.`;
}

const BEGIN = '<!-- results: npm run bench -->';
const END = '<!-- end of results -->';

/** The page with these results between its markers. */
export function renderInto(page, results) {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`expected the lines "${BEGIN}" and "${END}"`);
  const sections = Object.values(results).map(toMarkdown).join('\n\n');
  return `${page.slice(0, begin)}${BEGIN}\n\n${sections}\n\n${page.slice(end)}`;
}
