// Parses the values of a config. Each parser names the place in its error by file and JSON pointer, and
// throws ERR_CLOSEFDS_CONFIG.

import { didYouMean } from '../base/did-you-mean';
import { ClosefdsError } from '../base/errors';
import { isRange } from '../base/semver-range';
import { Mistakes } from './mistakes';
import { ACCESSES, FILE_TYPES, KINDS } from './rule';
import type { ValueName, ValueTypes } from './value-types';

export type JsonObject = Readonly<Record<string, unknown>>;

/** The parsers of conditions' values. */
export const PARSERS: { readonly [N in ValueName]: (input: unknown, path: string) => ValueTypes[N] } = {
  callerName,
  packageNames,
  range: semverRange,
  kinds: (input, path) => list(input, KINDS, path),
  fds: fdNumbers,
  glob: nonEmpty,
  fileType: (input, path) => oneOf(input, FILE_TYPES, path),
  access: (input, path) => oneOf(input, ACCESSES, path),
  flag: boolean,
};

export function object(input: unknown, path: string): JsonObject {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    fail(path, 'an object', describe(input));
  return input as JsonObject;
}

/** Refuses all keys but `known`; `misplaced` are keys with a place elsewhere, which `where` describes. */
export function onlyKeys(
  input: JsonObject,
  path: string,
  known: readonly string[],
  misplaced: { readonly keys: readonly string[]; readonly where: string } = { keys: [], where: '' },
): void {
  const expected = `one of the keys ${orList(known.map(quote))}`;
  const unknown = Object.keys(input).filter(key => !known.includes(key));
  const elsewhere = unknown.filter(key => misplaced.keys.includes(key));
  const mistakes = new Mistakes();
  for (const key of unknown) {
    if (!elsewhere.includes(key))
      mistakes.attempt(() => fail(path, expected, quote(key), didYouMean(key, known)));
  }
  if (elsewhere.length > 0)
    mistakes.attempt(() => fail(path, expected, elsewhere.map(quote).join(', '), ` ${misplaced.where}`));
  mistakes.throwIfAny();
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
  return fail(path, orList(values.map(quote)), describe(input), didYouMean(input, values));
}

function list<T extends string>(input: unknown, values: readonly T[], path: string): T[] {
  return distinct(input, path, (item, at) => oneOf(item, values, at));
}

export function globs(input: unknown, path: string): string[] {
  return distinct(input, path, nonEmpty);
}

function fdNumbers(input: unknown, path: string): number[] {
  return distinct(input, path, (item, at) => {
    if (typeof item === 'number' && Number.isInteger(item) && item >= 0 && item <= 0x7fffffff) return item;
    return fail(at, 'a whole number from 0 to 2147483647', describe(item));
  });
}

/** A list with at least one item, each of them once. */
function distinct<T>(input: unknown, path: string, parse: (item: unknown, path: string) => T): T[] {
  const items = each(input, path, parse);
  if (items.length === 0) fail(path, 'at least one', 'an empty array');
  const repeated = items.find((item, index) => items.indexOf(item) !== index);
  if (repeated !== undefined) fail(path, 'each value once', `${describe(repeated)} twice`);
  return items;
}

/** Parses all items, and throws the mistakes of all of them. */
export function each<T>(input: unknown, path: string, parse: (item: unknown, path: string) => T): T[] {
  const mistakes = new Mistakes();
  const items = array(input, path).map((item, index) =>
    mistakes.attempt(() => parse(item, `${path}/${index}`)),
  );
  mistakes.throwIfAny();
  return items as T[];
}

function callerName(input: unknown, path: string): string {
  if (input === '.' || input === '*') return input;
  return packageName(input, path, '"." (the app), "*" (any caller) or ');
}

function packageNames(input: unknown, path: string): string[] {
  return distinct(input, path, (item, at) => packageName(item, at));
}

export function packageName(input: unknown, path: string, otherwise = ''): string {
  if (isPackageName(input)) return input;
  const expected = `${otherwise}the name of a package, without a version`;
  const isGlob = typeof input === 'string' && /[*?]/.test(input);
  return fail(path, expected, describe(input), isGlob ? ' Globs are not read here: name each package.' : '');
}

/** npm's rules for new names, but with capitals: old packages have them. Without `*`, which would look like a glob. */
export const PACKAGE_NAME = /^(?:@[\w~!'().-]+\/)?[\w~!'()-][\w~!'().-]*$/;

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

/** `a, b or c` */
export function orList(words: readonly string[]): string {
  return words.join(', ').replace(/, ([^,]*)$/, ' or $1');
}

export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

export function fail(path: string, expected: string, found: string, hint = ''): never {
  throw new ClosefdsError('ERR_CLOSEFDS_CONFIG', `${path}: expected ${expected}, found ${found}.${hint}`);
}
