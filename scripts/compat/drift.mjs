// What compat:verify found, summed up: in a few lines for a terminal, and as Markdown.

/** In the order in which they need a person. */
const STATUSES = [
  'evidence wrong',
  'evidence moved',
  'no longer passes',
  'not checked',
  'unverified newer version',
  'ok',
];

/** `rows` are `{ status, package, entry, why, lastChecked, newest }`. */
export function toSummary(rows) {
  const counts = countsOf(rows).map(({ status, count }) => `${count} ${status}`);
  const newer = newerOf(rows);
  return [
    `${rows.length} entries: ${counts.join(', ')}`,
    ...(newer.length === 0
      ? []
      : [
          `Newer versions to look at, of ${newer.length} packages: ` +
            newer.map(({ name, lastChecked, newest }) => `${name} ${lastChecked} -> ${newest}`).join(', '),
        ]),
  ].join('\n');
}

export function toMarkdown(rows) {
  const toDo = rows.filter(
    ({ status }) => !['ok', 'unverified newer version', 'not checked'].includes(status),
  );
  const skipped = rows.filter(({ status }) => status === 'not checked');
  const newer = newerOf(rows);
  return [
    '# The compat table and what is published',
    '',
    ...table(
      ['result', 'entries'],
      countsOf(rows).map(({ status, count }) => [status, String(count)]),
    ),
    ...section(`Entries to correct: ${toDo.length}`, toDo.map(entryRow), [
      'package',
      'entry',
      'result',
      'why',
    ]),
    ...section(`Not checked, since the registry did not answer: ${skipped.length}`, skipped.map(entryRow), [
      'package',
      'entry',
      'result',
      'why',
    ]),
    ...section(
      `Newer versions that were not checked: ${newer.length} packages`,
      newer.map(({ name, lastChecked, newest, entries }) => [name, lastChecked, newest, String(entries)]),
      ['package', 'last checked', 'newest', 'entries'],
    ),
    'What to do for each result: `compat/README.md`, "Change or remove an entry".',
    '',
  ].join('\n');
}

function countsOf(rows) {
  return STATUSES.map(status => ({ status, count: rows.filter(row => row.status === status).length })).filter(
    ({ count }) => count > 0,
  );
}

/** The packages with a newer version that has the same text, each once. */
function newerOf(rows) {
  const packages = groupByPackage(rows);
  return [...packages].flatMap(([name, rows]) => {
    const newer = rows.filter(({ status }) => status === 'unverified newer version');
    if (newer.length === 0) return [];
    const [{ lastChecked, newest }] = newer;
    return [{ name, lastChecked, newest, entries: newer.length }];
  });
}

function groupByPackage(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(row.package, [...(groups.get(row.package) ?? []), row]);
  return groups;
}

function section(title, rows, heads) {
  return rows.length === 0 ? [] : [`## ${title}`, '', ...table(heads, rows)];
}

function entryRow({ package: name, entry, status, why }) {
  return [name, `\`${entry}\``, status, why ?? ''];
}

function table(heads, rows) {
  const line = cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line), ''];
}
