// A scan, written down: as a table for people, as JSON, as SARIF for code scanning.

import crypto = require('node:crypto');
import url = require('node:url');

import { APP } from '../core/caller';
import { fingerprint } from './baseline';
import { coverage, crossing, describe, REASONS, WHATS } from './message';
import type { Place } from './place';
import type { ScanResult } from './scan';
import { SURE, type Sure, type What } from './source/sites';

export interface Shown {
  readonly result: ScanResult;
  /** The least sure that the table shows. */
  readonly show: Sure;
  /** Those that are not in the baseline; undefined without one. */
  readonly fresh: ReadonlySet<Place> | undefined;
}

// ---------------------------------------------------------------------------------------------
// Table
// ---------------------------------------------------------------------------------------------

export function toTable({ result, show, fresh }: Shown): string {
  const { places, problems, skippedLinks } = result;
  const shown = places.filter(({ sure }) => SURE.indexOf(sure) <= SURE.indexOf(show));
  const groups = new Map<string, Place[]>();
  for (const place of shown) {
    const title = titleOf(place);
    groups.set(title, [...(groups.get(title) ?? []), place]);
  }
  const lines: string[] = [];
  for (const [title, group] of groups)
    lines.push(title, ...rows(group.map(place => rowOf(place, fresh))), '');
  if (problems.length > 0) {
    lines.push('Not searched:', ...rows(problems.map(({ file, why }) => [file, why])), '');
  }
  if (skippedLinks.length > 0)
    lines.push('Links out of the tree, not followed:', ...skippedLinks.map(link => `  ${link}`), '');
  return `${[...lines, ...summary(result, show, fresh)].join('\n')}\n`;
}

function titleOf({ package: name, version, declaredName }: Place): string {
  if (name === APP) return 'the app';
  return `${version === undefined ? name : `${name} ${version}`}${declaredName ? ` (is ${declaredName})` : ''}`;
}

function rowOf(place: Place, fresh: ReadonlySet<Place> | undefined): string[] {
  const { file, line, sure, what, via, reason, known } = place;
  const how = what === 'known' ? (known ?? '') : [via ?? what, REASONS[reason]].join(': ');
  const isNew = fresh === undefined ? [] : [fresh.has(place) ? 'new' : ''];
  const where = what === 'known' || what === 'addon' ? file : `${file}:${line}`;
  return [...isNew, where, sure, what === 'patch' ? 'patch' : crossing(place), coverage(place), how];
}

function rows(cells: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  // One long path must not push all others out of sight.
  for (const row of cells)
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, Math.min(cell.length, 60));
  return cells.map(row =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
}

function summary(
  { places, counts, problems }: ScanResult,
  show: Sure,
  fresh: ReadonlySet<Place> | undefined,
): string[] {
  const of = (sure: Sure) => places.filter(place => place.sure === sure).length;
  const covered = places.filter(place => place.covered !== undefined).length;
  const packages = new Set(places.map(titleOf)).size;
  const hidden = SURE.slice(SURE.indexOf(show) + 1).reduce((sum, sure) => sum + of(sure), 0);
  return [
    `${many(places.length, 'place')} in ${many(packages, 'package')}: ${SURE.map(sure => `${of(sure)} ${sure}`).join(', ')}; a rule speaks of ${covered}.`,
    ...(fresh === undefined ? [] : [`${fresh.size} not in the baseline.`]),
    ...(hidden === 0
      ? []
      : [`${hidden} less sure ${hidden === 1 ? 'is' : 'are'} not shown; --show possible shows all.`]),
    `Searched ${many(counts.packages, 'package')}, ${many(counts.files, 'file')}; parsed ${counts.parsed}, ${counts.fromCache} of them from the cache; ${problems.length} not searched.`,
  ];
}

function many(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

// ---------------------------------------------------------------------------------------------
// JSON
// ---------------------------------------------------------------------------------------------

export function toJson({ result, fresh }: Shown): string {
  const places = result.places.map(place => ({
    package: place.package,
    version: place.version,
    declaredName: place.declaredName,
    file: place.file,
    fileInPackage: place.fileInPackage,
    line: place.line,
    column: place.column,
    lines: place.lines,
    what: place.what,
    via: place.via,
    kinds: place.kinds,
    slots: place.slots,
    more: place.more,
    sure: place.sure,
    reason: place.known ?? REASONS[place.reason],
    covered: place.covered,
    ...(fresh && { new: fresh.has(place) }),
    shows: place.shows,
    shownAt: place.shownAt,
  }));
  const { counts, problems, skippedLinks } = result;
  return `${JSON.stringify({ places, counts, problems, skippedLinks }, null, 2)}\n`;
}

// ---------------------------------------------------------------------------------------------
// SARIF 2.1.0
// ---------------------------------------------------------------------------------------------

const LEVELS: Readonly<Record<Sure, string>> = { certain: 'warning', likely: 'warning', possible: 'note' };

export function toSarif({ result, fresh }: Shown, root: string, version: string): string {
  const whats = Object.keys(WHATS) as What[];
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'closefds',
            version,
            semanticVersion: version,
            rules: whats.map(what => ({
              id: `closefds/${what}`,
              name: `closefds${what[0]?.toUpperCase()}${what.slice(1)}`,
              shortDescription: { text: WHATS[what] },
              defaultConfiguration: { level: what === 'addon' || what === 'patch' ? 'note' : 'warning' },
            })),
          },
        },
        originalUriBaseIds: { ROOT: { uri: url.pathToFileURL(`${root}/`).href } },
        columnKind: 'utf16CodeUnits',
        invocations: [
          {
            executionSuccessful: true,
            toolExecutionNotifications: result.problems.map(({ file, why }) => ({
              level: 'note',
              message: { text: `${file} was not searched: ${why}` },
            })),
          },
        ],
        results: result.places.map(place => ({
          ruleId: `closefds/${place.what}`,
          ruleIndex: whats.indexOf(place.what),
          level: LEVELS[place.sure],
          message: { text: `${describe(place)}. Policy: ${coverage(place)}.` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: locationOf(place.file),
                region: { startLine: place.line, startColumn: place.column },
              },
            },
          ],
          partialFingerprints: {
            'closefdsPlace/v1': crypto.createHash('sha256').update(fingerprint(place)).digest('hex'),
          },
          ...(fresh && { baselineState: fresh.has(place) ? 'new' : 'unchanged' }),
          suppressions: suppressions(place),
          properties: { sure: place.sure, kinds: place.kinds, slots: place.slots, more: place.more },
        })),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function locationOf(file: string): { uri: string; uriBaseId?: string } {
  if (file.startsWith('/')) return { uri: url.pathToFileURL(file).href };
  return { uri: file.split('/').map(encodeURIComponent).join('/'), uriBaseId: 'ROOT' };
}

/** What a rule settles needs nobody's attention. */
function suppressions({ covered }: Place): object[] {
  if (covered === undefined || !covered.sure || covered.effect === 'warn') return [];
  return [{ kind: 'external', status: 'accepted', justification: `${covered.effect} by ${covered.by}` }];
}
