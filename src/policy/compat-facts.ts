// What the compat table says of one package, with its evidence. The guard does not need this: for
// `closefds compat`, `closefds explain` and compat/PACKAGES.md.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DIST } from '../base/dist-folder';
import { matchesRange } from '../base/semver-range';

/** A line of a published tarball that was read or run. */
export interface FactEvidence {
  readonly version: string;
  readonly file: string;
  readonly line: number;
  /** The day of the check, as 2026-11-24. */
  readonly checked: string;
  /** `read`, or `run: ` with how it was run and what was seen. */
  readonly exercised: string;
}

/** An entry of the table; compat/schema.json documents the fields. */
export interface CompatFact {
  readonly does: 'passes' | 'launches' | 'strays' | 'starts';
  /** The versions that were checked. */
  readonly range: string;
  readonly purpose: string;
  readonly breaks?: string;
  readonly kinds?: readonly string[];
  readonly fds?: readonly number[];
  readonly command?: string;
  readonly callSite?: string;
  readonly target?: string;
  readonly type?: string;
  readonly access?: 'read' | 'write' | 'both';
  readonly exports?: readonly string[];
  /** From this version on, the package does it no more. */
  readonly ends?: { readonly version: string; readonly why: string };
  readonly evidence: readonly FactEvidence[];
}

/** A package whose code was searched, and which passes nothing of its own. */
export interface CheckedPackage {
  readonly package: string;
  readonly version: string;
  readonly checked: string;
}

let facts: ReadonlyMap<string, readonly CompatFact[]> | undefined;
let checked: readonly CheckedPackage[] | undefined;

/** Package -> its entries. Throws if the file is damaged. */
export function loadCompatFacts(): ReadonlyMap<string, readonly CompatFact[]> {
  facts ??= new Map(
    Object.entries(readJson('dist', 'compat', 'facts.json') as Record<string, readonly CompatFact[]>),
  );
  return facts;
}

/** The packages of compat/checked.json. */
export function loadCheckedPackages(): readonly CheckedPackage[] {
  checked ??= (readJson('compat', 'checked.json') as { packages: CheckedPackage[] }).packages;
  return checked;
}

function readJson(...names: readonly string[]): unknown {
  return JSON.parse(readFileSync(path.join(DIST, '..', ...names), 'utf8'));
}

const ACCESS = { read: 'read-only', write: 'write-only', both: 'read-write' } as const;

/** `passes pipe at FD 3, 4`. `code` marks up globs and names of functions. */
export function factInWords(fact: CompatFact, code = (text: string): string => text): string {
  const { does, kinds = [], fds, command, callSite, target = '', type, access = 'both', exports = [] } = fact;
  if (does === 'launches') return 'launches';
  if (does === 'starts') return `starts natively: ${exports.map(code).join(', ')}`;
  if (does === 'strays') return `leaves open ${code(target)} (${type}, ${ACCESS[access]})`;
  return [
    `passes ${kinds.join(', ')}`,
    fds === undefined ? '' : ` at FD ${fds.join(', ')}`,
    target === '' ? '' : ` to ${code(target)}`,
    command === undefined ? '' : `, for ${code(command)}`,
    callSite === undefined ? '' : `, in ${code(callSite)}`,
  ].join('');
}

/** Whether a version is one of those that were checked. */
export function coverageOf({ range, ends }: CompatFact, version: string): 'checked' | 'newer' | 'outside' {
  if (matchesRange(version, range)) return 'checked';
  const [, last] = /<=(\S+)$/.exec(range) ?? [];
  return ends === undefined && last !== undefined && matchesRange(version, `>${last}`) ? 'newer' : 'outside';
}

/** The file of the table in the repository. */
export function factsFile(name: string): string {
  return `compat/packages/${name}.json`;
}

/** Where a browser shows the file of the published package (https://unpkg.com). */
export function evidenceUrl(name: string, { version, file }: FactEvidence): string {
  return `https://unpkg.com/${name}@${version}/${encodeURI(file)}`;
}
