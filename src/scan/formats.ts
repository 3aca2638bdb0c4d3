// The formats of a result: a table for people, JSON, SARIF for code scanning.

import crypto = require('node:crypto');
import url = require('node:url');

import { APP } from '../model/caller';
import { CONFIDENCES, type Confidence, type SiteType } from './analysis/site';
import { fingerprint } from './baseline';
import type { Place } from './location';
import { coverage, describePlace, describeSlots, reasonOf, SITE_TYPES } from './messages';
import type { ScanResult } from './scan';

export interface Shown {
  readonly result: ScanResult;
  /** The lowest confidence that the table shows. */
  readonly show: Confidence;
  /** The places that are not in the baseline; undefined without a baseline. */
  readonly fresh: ReadonlySet<Place> | undefined;
}

// ---------------------------------------------------------------------------------------------
// Table
// ---------------------------------------------------------------------------------------------

export function toPlaceTable({ result, show, fresh }: Shown): string {
  const { places, problems, skippedLinks } = result;
  const shown = places.filter(
    ({ siteType, confidence }) =>
      siteType !== 'launcher' && CONFIDENCES.indexOf(confidence) <= CONFIDENCES.indexOf(show),
  );
  const groups = new Map<string, Place[]>();
  for (const place of shown) {
    const title = titleOf(place);
    groups.set(title, [...(groups.get(title) ?? []), place]);
  }
  const lines: string[] = [];
  for (const [title, group] of groups)
    lines.push(title, ...rows(group.map(place => rowOf(place, fresh))), '');
  const launchers = places.filter(({ siteType }) => siteType === 'launcher');
  if (launchers.length > 0)
    lines.push(
      'Launchers, which start processes with the options of their callers:',
      ...rows(launchers.map(place => launcherRow(place, fresh))),
      '',
    );
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
  const { file, line, confidence, siteType, callee } = place;
  const how = siteType === 'known' ? reasonOf(place) : [callee ?? siteType, reasonOf(place)].join(': ');
  const isNew = fresh === undefined ? [] : [fresh.has(place) ? 'new' : ''];
  const where = siteType === 'known' || siteType === 'addon' ? file : `${file}:${line}`;
  return [
    ...isNew,
    where,
    confidence,
    siteType === 'patch' ? 'patch' : describeSlots(place),
    coverage(place),
    how,
  ];
}

function launcherRow(place: Place, fresh: ReadonlySet<Place> | undefined): string[] {
  const isNew = fresh === undefined ? [] : [fresh.has(place) ? 'new' : ''];
  return [...isNew, titleOf(place), `${place.file}:${place.line}`, place.callee ?? ''];
}

function rows(cells: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  // One long path must not move the next column out of view.
  for (const row of cells)
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, Math.min(cell.length, 60));
  return cells.map(row =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
}

function summary(
  { places, counts, problems }: ScanResult,
  show: Confidence,
  fresh: ReadonlySet<Place> | undefined,
): string[] {
  const others = places.filter(({ siteType }) => siteType !== 'launcher');
  const of = (confidence: Confidence) => others.filter(place => place.confidence === confidence).length;
  const launchers = places.length - others.length;
  const covered = places.filter(place => place.covered !== undefined).length;
  const packages = new Set(others.map(titleOf)).size;
  const hidden = CONFIDENCES.slice(CONFIDENCES.indexOf(show) + 1).reduce(
    (sum, confidence) => sum + of(confidence),
    0,
  );
  return [
    `${many(others.length, 'place')} in ${many(packages, 'package')}: ${CONFIDENCES.map(confidence => `${of(confidence)} ${confidence}`).join(', ')}; a rule covers ${covered}.`,
    ...(launchers === 0 ? [] : [`${many(launchers, 'launcher')}.`]),
    ...(fresh === undefined ? [] : [`${fresh.size} not in the baseline.`]),
    ...(hidden === 0
      ? []
      : [
          `${many(hidden, 'place')} of lower confidence ${hidden === 1 ? 'is' : 'are'} not shown; --show possible shows all.`,
        ]),
    `Searched ${many(counts.packages, 'package')}, ${many(counts.files, 'file')}; parsed ${counts.parsed}, ${counts.fromCache} of them from the cache; ${problems.length} not searched.`,
  ];
}

function many(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

// ---------------------------------------------------------------------------------------------
// JSON
// ---------------------------------------------------------------------------------------------

/** The keys are public and keep their names. */
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
    what: place.siteType,
    via: place.callee,
    kinds: place.kinds,
    slots: place.slots,
    more: place.more,
    sure: place.confidence,
    reason: reasonOf(place),
    covered: place.covered && {
      effect: place.covered.effect,
      by: place.covered.by,
      sure: place.covered.isCertain,
    },
    ...(fresh && { new: fresh.has(place) }),
    shows: place.snippet,
    shownAt: place.snippetLine,
  }));
  const { counts, problems, skippedLinks } = result;
  return `${JSON.stringify({ places, counts, problems, skippedLinks }, null, 2)}\n`;
}

// ---------------------------------------------------------------------------------------------
// SARIF 2.1.0
// ---------------------------------------------------------------------------------------------

const LEVELS: Readonly<Record<Confidence, string>> = {
  certain: 'warning',
  likely: 'warning',
  possible: 'note',
};
const TYPES = Object.keys(SITE_TYPES) as SiteType[];

export function toSarif({ result, fresh }: Shown, root: string, version: string): string {
  const run = {
    tool: { driver: { name: 'closefds', version, semanticVersion: version, rules: TYPES.map(toRule) } },
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
    results: result.places.map(place => toResult(place, fresh)),
  };
  const log = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function toRule(type: SiteType): object {
  return {
    id: `closefds/${type}`,
    name: `closefds${type[0]?.toUpperCase()}${type.slice(1)}`,
    shortDescription: { text: SITE_TYPES[type] },
    defaultConfiguration: { level: type === 'addon' || type === 'patch' ? 'note' : 'warning' },
  };
}

function toResult(place: Place, fresh: ReadonlySet<Place> | undefined): object {
  const { siteType, confidence, kinds, slots, more } = place;
  return {
    ruleId: `closefds/${siteType}`,
    ruleIndex: TYPES.indexOf(siteType),
    level: LEVELS[confidence],
    message: { text: `${describePlace(place)}. Policy: ${coverage(place)}.` },
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
    properties: { sure: confidence, kinds, slots, more },
  };
}

function locationOf(file: string): { uri: string; uriBaseId?: string } {
  if (file.startsWith('/')) return { uri: url.pathToFileURL(file).href };
  return { uri: file.split('/').map(encodeURIComponent).join('/'), uriBaseId: 'ROOT' };
}

/** A place that a rule certainly covers needs no attention. */
function suppressions({ covered }: Place): object[] {
  if (covered === undefined || !covered.isCertain || covered.effect === 'warn') return [];
  return [{ kind: 'external', status: 'accepted', justification: `${covered.effect} by ${covered.by}` }];
}
