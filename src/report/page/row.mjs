// Converts a group of the data to a row that the page shows, sorts and searches.

import { countOf, listOf, valuesOf } from './tally.mjs';

export const KINDS = { stray: 'stray', fd: 'open FD', pipe: 'pipe', ipc: 'message channel' };

/** The columns of the table of groups. The key names the property that rows are sorted by. */
export const COLUMNS = [
  { key: 'rank', title: 'State' },
  { key: 'count', title: 'Count', isNumber: true },
  { key: 'processes', title: 'Processes', isNumber: true },
  { key: 'outcome', title: 'Outcome' },
  { key: 'kind', title: 'What' },
  { key: 'target', title: 'Target' },
  { key: 'caller', title: 'Who' },
  { key: 'command', title: 'To' },
  { key: 'peak', title: 'Over time', isNumber: true },
  { key: 'last', title: 'Last seen', isNumber: true },
];

/** `tallies` are the declarations of src/findings/fields.ts; the data of a group omit empty ones. */
export function toRow(given, rank, tallies) {
  const group = { ...given };
  for (const { name } of tallies) group[name] ??= { values: [], other: 0 };
  const { service, caller, dispositions, kind, count } = group;
  const row = {
    group,
    key: JSON.stringify([group.app, group.script, caller, kind, group.target]),
    rank,
    state: group.state,
    service: service ?? '',
    hosts: valuesOf(group.hosts),
    peak: Math.max(...group.sparkline),
    tallies,
    count,
    processes: group.processes.count,
    outcomes: dispositions.values.map(({ value }) => value),
    kind: kind ?? '',
    fds: listOf(sorted(group.childFds)),
    target: group.target ?? '',
    openers: openersOf(group),
    caller: whoTitle(caller, service),
    place: placeOf(caller),
    commands: commandsOf(group),
    used: usedTitle(group.used),
    last: group.last ?? '',
    candidate: candidateOf(group),
  };
  row.outcome = row.outcomes.join(', ');
  row.opener = row.openers.map(({ value }) => value).join(', ');
  row.command = row.commands.map(({ value }) => value).join(', ');
  const texts = [
    row.state,
    group.sentence,
    row.caller,
    row.place,
    row.kind,
    row.target,
    row.opener,
    row.command,
  ];
  const more = tallies.filter(({ isSearched }) => isSearched).flatMap(({ name }) => valuesOf(group[name]));
  row.text = [...texts, ...more].join('\n').toLowerCase();
  return row;
}

/** Sorted by number, not by frequency. */
function sorted({ values, other }) {
  return { values: [...values].sort((a, b) => a.value - b.value), other };
}

/** The dispositions by the candidate policy that differ. */
function candidateOf({ candidates, dispositions }) {
  return valuesOf(candidates).filter(name => countOf(dispositions, name) === 0);
}

/** The app's own code is named by its service. */
function whoTitle(caller, service) {
  if (caller?.package === '.') return service ?? 'the app';
  return service === undefined ? callerTitle(caller) : `${callerTitle(caller)} in ${service}`;
}

function callerTitle(caller) {
  if (caller === undefined) return 'unknown';
  if (caller.package === '?') return 'code without a file';
  const title = caller.version === undefined ? caller.package : `${caller.package}@${caller.version}`;
  return caller.declaredName === undefined ? title : `${title} (package "${caller.declaredName}")`;
}

function placeOf(caller) {
  if (caller === undefined) return '';
  const isInstalled = caller.package !== '.' && caller.package !== '?';
  const { file: path, fileInPackage, line } = caller.source ?? caller;
  const file = (isInstalled ? fileInPackage : undefined) ?? path;
  if (file === undefined) return '';
  return line === undefined ? file : `${file}:${line}`;
}

/** The package that opened a stray; if unknown, whether the stray was there at start. */
function openersOf({ kind, openers, atStart, count }) {
  if (kind !== 'stray') return [];
  const named = openers.values.map(({ value, count }) => ({ value, count }));
  if (openers.other > 0) named.push({ value: 'other packages', count: openers.other });
  const rest = count - named.reduce((sum, { count }) => sum + count, 0);
  const inherited = Math.min(rest, countOf(atStart, true));
  if (inherited > 0) named.push({ value: 'inherited at start', count: inherited });
  if (rest > inherited) named.push({ value: 'unknown', count: rest - inherited });
  return named;
}

function commandsOf({ commands }) {
  return commands.other > 0
    ? [...commands.values, { value: 'other commands', count: commands.other }]
    : commands.values;
}

function usedTitle(used) {
  if (used === undefined) return '';
  if (used === 'likely') return 'likely used';
  return used === true ? 'used' : used === false ? 'not used' : 'unknown';
}
