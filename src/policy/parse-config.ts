// Validates the config. Loaded only if there is one.
//
// config.schema.json describes the same format for editors; a test compares the two.

import { ClosefdsError } from '../base/errors';
import { JsonError, parseJson } from '../base/json-with-positions';
import { isRange } from '../base/semver-range';
import { CONFIG_KEYS, type Config, POLICY_KEYS, type PolicyConfig, RULE_KEYS } from './config';
import { ACCESSES, DESIGNATED, EFFECTS, FILE_TYPES, KINDS, MODES, type Mode, type Rule } from './rule';

type JsonObject = Readonly<Record<string, unknown>>;

const KEY = '#/closefds';

/** The text of a config file, or of a package.json if `name` ends in `#/closefds`. Throws ERR_CLOSEFDS_CONFIG. */
export function parseConfigText(text: string, name: string): Config {
  const isKey = name.endsWith(KEY);
  const file = isKey ? name.slice(0, -KEY.length) : name;
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const what = `${file}: not valid JSON: ${error.message.replace(/\.$/, '')}.`;
    throw new ClosefdsError('ERR_CLOSEFDS_CONFIG', what, { cause: error });
  }
  return isKey
    ? parseConfig((json as { closefds?: unknown } | null)?.closefds, file, '/closefds')
    : parseConfig(json, file);
}

/** Throws ERR_CLOSEFDS_CONFIG. */
export function parseMode(input: string, path: string): Mode {
  return oneOf(input, MODES, path);
}

/** Throws ERR_CLOSEFDS_CONFIG at the first error, with the file and a JSON pointer. */
export function parseConfig(input: unknown, file: string, pointer = ''): Config {
  const config = object(input, at(file, pointer), CONFIG_KEYS);
  const pathTo = (key: string) => at(file, `${pointer}/${key}`);
  const { $schema } = config;
  if ($schema !== undefined && typeof $schema !== 'string')
    fail(pathTo('$schema'), 'the address of a schema', describe($schema));

  return {
    ...parsePolicy(config, file, pointer),
    candidate: optional(config.candidate, value => {
      object(value, pathTo('candidate'), POLICY_KEYS);
      return parsePolicy(value as JsonObject, file, `${pointer}/candidate`);
    }),
    redact: optional(config.redact, value => globs(value, pathTo('redact'))) ?? [],
    report: optional(config.report, value => nonEmpty(value, pathTo('report'))),
  };
}

function parsePolicy(config: JsonObject, file: string, pointer: string): PolicyConfig {
  const pathTo = (key: string) => at(file, `${pointer}/${key}`);
  return {
    mode: optional(config.mode, value => oneOf(value, MODES, pathTo('mode'))),
    compat: optional(config.compat, value => boolean(value, pathTo('compat'))) ?? true,
    unverified: optional(config.unverified, value => oneOf(value, EFFECTS, pathTo('unverified'))) ?? 'warn',
    aliases: optional(config.aliases, value => parseAliases(value, pathTo('aliases'))) ?? {},
    rules: optional(config.rules, value => parseRules(value, file, `${pointer}/rules`)) ?? [],
  };
}

function parseRules(input: unknown, file: string, pointer: string): Rule[] {
  const rules = array(input, at(file, pointer)).map((rule, index) =>
    parseRule(rule, file, `${pointer}/${index}`),
  );
  const seen = new Map<string, string>();
  for (const { source, ...rule } of rules) {
    // Of two rules with equal conditions, the second never decides, whatever its effect.
    const { effect, reason, expires, ...conditions } = rule;
    const key = JSON.stringify(Object.entries(conditions).sort());
    const first = seen.get(key);
    if (first !== undefined) fail(source, 'conditions that no earlier rule has', `those of ${first}`);
    seen.set(key, source);
  }
  return rules;
}

function parseRule(input: unknown, file: string, pointer: string): Rule {
  const source = at(file, pointer);
  const rule = object(input, source, RULE_KEYS);
  const pathTo = (key: string) => at(file, `${pointer}/${key}`);
  const string = (key: string) => optional(rule[key], value => nonEmpty(value, pathTo(key)));

  const effect = oneOf(rule.effect, EFFECTS, pathTo('effect'));
  const caller = optional(rule.caller, value => callerName(value, pathTo('caller')));
  const range = optional(rule.range, value => semverRange(value, pathTo('range')));
  if (range !== undefined && (caller === undefined || caller === '.' || caller === '*'))
    fail(pathTo('range'), 'a "caller" that is a package beside it', describe(rule.caller));
  const kinds = optional(rule.kinds, value => list(value, KINDS, pathTo('kinds')));
  if (!(kinds ?? DESIGNATED).some(kind => kind === 'fd' || kind === 'stray'))
    forbidFileConditions(rule, pathTo);
  const reason = string('reason');
  if (effect === 'allow' && reason === undefined)
    fail(pathTo('reason'), 'the reason why this is allowed', describe(rule.reason));

  return withoutUndefined({
    caller,
    range,
    kinds,
    fds: optional(rule.fds, value => fdNumbers(value, pathTo('fds'))),
    command: string('command'),
    callSite: string('callSite'),
    target: string('target'),
    type: optional(rule.type, value => oneOf(value, FILE_TYPES, pathTo('type'))),
    access: optional(rule.access, value => oneOf(value, ACCESSES, pathTo('access'))),
    effect,
    reason,
    expires: optional(rule.expires, value => date(value, pathTo('expires'))),
    source,
  });
}

/** New pipes and message channels have no file yet. */
function forbidFileConditions(rule: JsonObject, pathTo: (key: string) => string): void {
  for (const key of ['target', 'type', 'access'])
    if (rule[key] !== undefined)
      fail(
        pathTo(key),
        '"kinds" with "fd" or "stray", since others point to nothing yet',
        describe(rule.kinds),
      );
}

function parseAliases(input: unknown, path: string): Record<string, string> {
  const aliases = object(input, path);
  return Object.fromEntries(
    Object.entries(aliases).map(([name, value]) => [
      packageName(name, `${path}/${escapePointer(name)}`),
      packageName(value, `${path}/${escapePointer(name)}`),
    ]),
  );
}

// ---------------------------------------------------------------------------------------------
// Values
// ---------------------------------------------------------------------------------------------

function object(input: unknown, path: string, keys?: readonly string[]): JsonObject {
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

function array(input: unknown, path: string): readonly unknown[] {
  return Array.isArray(input) ? input : fail(path, 'an array', describe(input));
}

function boolean(input: unknown, path: string): boolean {
  return typeof input === 'boolean' ? input : fail(path, 'true or false', describe(input));
}

function nonEmpty(input: unknown, path: string): string {
  if (typeof input !== 'string' || input.trim() === '') fail(path, 'text that is not empty', describe(input));
  return input;
}

function oneOf<T extends string>(input: unknown, values: readonly T[], path: string): T {
  if (values.includes(input as T)) return input as T;
  return fail(path, values.map(quote).join(' or '), describe(input), suggestion(input, values));
}

function list<T extends string>(input: unknown, values: readonly T[], path: string): T[] {
  const items = array(input, path).map((item, index) => oneOf(item, values, `${path}/${index}`));
  return distinct(items, path);
}

function globs(input: unknown, path: string): string[] {
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

function packageName(input: unknown, path: string, otherwise = ''): string {
  if (isPackageName(input)) return input;
  return fail(path, `${otherwise}the name of a package, without a version`, describe(input));
}

/** npm's rules for new names, but with capitals: old packages have them. */
export function isPackageName(name: unknown): name is string {
  return typeof name === 'string' && /^(?:@[\w~!'()*.-]+\/)?[\w~!'()*-][\w~!'()*.-]*$/.test(name);
}

function semverRange(input: unknown, path: string): string {
  const range = nonEmpty(input, path);
  return isRange(range) ? range : fail(path, 'a semver range like "^1.2.0"', describe(input));
}

function date(input: unknown, path: string): string {
  const isDate =
    typeof input === 'string' &&
    /^\d{4}-\d\d-\d\d$/.test(input) &&
    !Number.isNaN(Date.parse(input)) &&
    // Date.parse accepts February 30 as March 1.
    new Date(input).toISOString().startsWith(input);
  return isDate ? input : fail(path, 'a date like "2027-01-31"', describe(input));
}

function optional<T>(value: unknown, parse: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : parse(value);
}

type WithUndefined<T> = { [K in keyof T]: T[K] | undefined };

function withoutUndefined(rule: WithUndefined<Rule>): Rule {
  return Object.fromEntries(
    Object.entries(rule).filter(([, value]) => value !== undefined),
  ) as unknown as Rule;
}

// ---------------------------------------------------------------------------------------------
// Errors
// ---------------------------------------------------------------------------------------------

function at(file: string, pointer: string): string {
  return pointer === '' ? file : `${file}#${pointer}`;
}

/** RFC 6901. */
function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

function fail(path: string, expected: string, found: string, hint = ''): never {
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
