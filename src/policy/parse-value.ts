// Parses the values of a config. Each parser names the place in its error by file and JSON pointer, and
// throws ERR_CLOSEFDS_CONFIG.

import { ClosefdsError } from '../base/errors';
import { isRange } from '../base/semver-range';
import { ACCESSES, FILE_TYPES, KINDS } from './rule';
import type { ValueName, ValueTypes } from './value-types';

export type JsonObject = Readonly<Record<string, unknown>>;

/** The parsers of conditions' values. */
export const PARSERS: { readonly [N in ValueName]: (input: unknown, path: string) => ValueTypes[N] } = {
  callerName,
  range: semverRange,
  kinds: (input, path) => list(input, KINDS, path),
  fds: fdNumbers,
  glob: nonEmpty,
  fileType: (input, path) => oneOf(input, FILE_TYPES, path),
  access: (input, path) => oneOf(input, ACCESSES, path),
  flag: boolean,
};

export function object(input: unknown, path: string, keys?: readonly string[]): JsonObject {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    fail(path, 'an object', describe(input));
  for (const key of keys === undefined ? [] : Object.keys(input)) {
    if (!keys?.includes(key))
      fail(
        path,
        `the keys ${keys?.map(quote).join(', ')}`,
        `the key ${quote(key)}`,
        suggestion(key, keys ?? []),
      );
  }
  return input as JsonObject;
}

export function array(input: unknown, path: string): readonly unknown[] {
  return Array.isArray(input) ? input : fail(path, 'an array', describe(input));
}

export function boolean(input: unknown, path: string): boolean {
  return typeof input === 'boolean' ? input : fail(path, 'true or false', describe(input));
}

export function nonEmpty(input: unknown, path: string): string {
  if (typeof input !== 'string' || input.trim() === '') fail(path, 'text that is not empty', describe(input));
  return input;
}

export function oneOf<T extends string>(input: unknown, values: readonly T[], path: string): T {
  if (values.includes(input as T)) return input as T;
  return fail(path, values.map(quote).join(' or '), describe(input), suggestion(input, values));
}

function list<T extends string>(input: unknown, values: readonly T[], path: string): T[] {
  const items = array(input, path).map((item, index) => oneOf(item, values, `${path}/${index}`));
  return distinct(items, path);
}

export function globs(input: unknown, path: string): string[] {
  const items = array(input, path).map((item, index) => nonEmpty(item, `${path}/${index}`));
  return distinct(items, path);
}

function fdNumbers(input: unknown, path: string): number[] {
  const items = array(input, path).map((item, index) => {
    if (typeof item === 'number' && Number.isInteger(item) && item >= 0 && item <= 0x7fffffff) return item;
    return fail(`${path}/${index}`, 'a whole number from 0 to 2147483647', describe(item));
  });
  return distinct(items, path);
}

function distinct<T>(items: T[], path: string): T[] {
  if (items.length === 0) fail(path, 'at least one', 'an empty array');
  const repeated = items.find((item, index) => items.indexOf(item) !== index);
  if (repeated !== undefined) fail(path, 'each value once', `${describe(repeated)} twice`);
  return items;
}

function callerName(input: unknown, path: string): string {
  return input === '.' || input === '*' ? input : packageName(input, path, '"." (the app), "*" (anyone) or ');
}

export function packageName(input: unknown, path: string, otherwise = ''): string {
  if (isPackageName(input)) return input;
  return fail(path, `${otherwise}the name of a package, without a version`, describe(input));
}

/** npm's rules for new names, but with capitals: old packages have them. */
export const PACKAGE_NAME = /^(?:@[\w~!'()*.-]+\/)?[\w~!'()*-][\w~!'()*.-]*$/;

export function isPackageName(name: unknown): name is string {
  return typeof name === 'string' && PACKAGE_NAME.test(name);
}

function semverRange(input: unknown, path: string): string {
  const range = nonEmpty(input, path);
  return isRange(range) ? range : fail(path, 'a semver range like "^1.2.0"', describe(input));
}

export function date(input: unknown, path: string): string {
  const isDate =
    typeof input === 'string' &&
    /^\d{4}-\d\d-\d\d$/.test(input) &&
    !Number.isNaN(Date.parse(input)) &&
    // Date.parse accepts February 30 as March 1.
    new Date(input).toISOString().startsWith(input);
  return isDate ? input : fail(path, 'a date like "2027-01-31"', describe(input));
}

export function optional<T>(value: unknown, parse: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : parse(value);
}

// ---------------------------------------------------------------------------------------------
// Errors
// ---------------------------------------------------------------------------------------------

export function at(file: string, pointer: string): string {
  return pointer === '' ? file : `${file}#${pointer}`;
}

/** RFC 6901. */
export function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

export function quote(text: string): string {
  return JSON.stringify(text);
}

export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

export function fail(path: string, expected: string, found: string, hint = ''): never {
  throw new ClosefdsError('ERR_CLOSEFDS_CONFIG', `${path}: expected ${expected}, found ${found}.${hint}`);
}

function suggestion(found: unknown, known: readonly string[]): string {
  if (typeof found !== 'string') return '';
  const near = known
    .map(name => ({ name, distance: editDistance(found.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0];
  return near === undefined ? '' : ` Did you mean ${quote(near.name)}?`;
}

/** Levenshtein, one row at a time. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 5) return 6;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = Number(row[j - 1]) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, Number(row[j]) + 1, Number(next[j - 1]) + 1));
    }
    row = next;
  }
  return Number(row[b.length]);
}
