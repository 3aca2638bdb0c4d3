// The config, checked. Loaded only where there is one.
//
// Until parseConfig() has been through it, it is only alleged to be a config. What it accepts
// is also written down in config.schema.json, for editors; a test holds the two together.

import { ClosefdsError } from '../base/errors';
import { JsonError, parseJson } from '../base/json-with-positions';
import { isRange } from '../base/semver-range';
import { CONFIG_KEYS, type Config, POLICY_KEYS, type PolicyConfig, RULE_KEYS } from './config';
import { ACCESSES, DESIGNATED, EFFECTS, FILE_TYPES, KINDS, MODES, type Mode, type Rule } from './rule';

type Json = Readonly<Record<string, unknown>>;

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
export function parseMode(alleged: string, place: string): Mode {
  return oneOf(alleged, MODES, place);
}

/** Names the place by file and JSON pointer. Throws ERR_CLOSEFDS_CONFIG at the first mistake. */
export function parseConfig(alleged: unknown, file: string, pointer = ''): Config {
  const config = object(alleged, at(file, pointer), CONFIG_KEYS);
  const place = (key: string) => at(file, `${pointer}/${key}`);
  const { $schema } = config;
  if ($schema !== undefined && typeof $schema !== 'string')
    fail(place('$schema'), 'the address of a schema', describe($schema));

  return {
    ...parsePolicy(config, file, pointer),
    candidate: optional(config.candidate, value => {
      object(value, place('candidate'), POLICY_KEYS);
      return parsePolicy(value as Json, file, `${pointer}/candidate`);
    }),
    redact: optional(config.redact, value => globs(value, place('redact'))) ?? [],
    report: optional(config.report, value => nonEmpty(value, place('report'))),
  };
}

function parsePolicy(config: Json, file: string, pointer: string): PolicyConfig {
  const place = (key: string) => at(file, `${pointer}/${key}`);
  return {
    mode: optional(config.mode, value => oneOf(value, MODES, place('mode'))),
    compat: optional(config.compat, value => boolean(value, place('compat'))) ?? true,
    unverified: optional(config.unverified, value => oneOf(value, EFFECTS, place('unverified'))) ?? 'warn',
    aliases: optional(config.aliases, value => parseAliases(value, place('aliases'))) ?? {},
    rules: optional(config.rules, value => parseRules(value, file, `${pointer}/rules`)) ?? [],
  };
}

function parseRules(alleged: unknown, file: string, pointer: string): Rule[] {
  const rules = array(alleged, at(file, pointer)).map((rule, index) =>
    parseRule(rule, file, `${pointer}/${index}`),
  );
  const seen = new Map<string, string>();
  for (const { source, ...rule } of rules) {
    // The effect and its reason aside: of two rules with the same conditions, the second is dead.
    const { effect, reason, expires, ...conditions } = rule;
    const key = JSON.stringify(Object.entries(conditions).sort());
    const first = seen.get(key);
    if (first !== undefined) fail(source, 'conditions that no earlier rule has', `those of ${first}`);
    seen.set(key, source);
  }
  return rules;
}

function parseRule(alleged: unknown, file: string, pointer: string): Rule {
  const source = at(file, pointer);
  const rule = object(alleged, source, RULE_KEYS);
  const place = (key: string) => at(file, `${pointer}/${key}`);
  const string = (key: string) => optional(rule[key], value => nonEmpty(value, place(key)));

  const effect = oneOf(rule.effect, EFFECTS, place('effect'));
  const caller = optional(rule.caller, value => callerName(value, place('caller')));
  const range = optional(rule.range, value => semverRange(value, place('range')));
  if (range !== undefined && (caller === undefined || caller === '.' || caller === '*'))
    fail(place('range'), 'a "caller" that is a package beside it', describe(rule.caller));
  const kinds = optional(rule.kinds, value => list(value, KINDS, place('kinds')));
  for (const key of ['target', 'type', 'access']) {
    if (rule[key] !== undefined && !(kinds ?? DESIGNATED).some(kind => kind === 'fd' || kind === 'stray'))
      fail(
        place(key),
        '"kinds" with "fd" or "stray", since others point to nothing yet',
        describe(rule.kinds),
      );
  }
  const reason = string('reason');
  if (effect === 'allow' && reason === undefined)
    fail(place('reason'), 'the reason why this is allowed', describe(rule.reason));

  return withoutUndefined({
    caller,
    range,
    kinds,
    fds: optional(rule.fds, value => fdNumbers(value, place('fds'))),
    command: string('command'),
    callSite: string('callSite'),
    target: string('target'),
    type: optional(rule.type, value => oneOf(value, FILE_TYPES, place('type'))),
    access: optional(rule.access, value => oneOf(value, ACCESSES, place('access'))),
    effect,
    reason,
    expires: optional(rule.expires, value => date(value, place('expires'))),
    source,
  });
}

function parseAliases(alleged: unknown, place: string): Record<string, string> {
  const aliases = object(alleged, place);
  return Object.fromEntries(
    Object.entries(aliases).map(([name, value]) => [
      packageName(name, `${place}/${escapePointer(name)}`),
      packageName(value, `${place}/${escapePointer(name)}`),
    ]),
  );
}

// ---------------------------------------------------------------------------------------------
// Values
// ---------------------------------------------------------------------------------------------

function object(alleged: unknown, place: string, keys?: readonly string[]): Json {
  if (typeof alleged !== 'object' || alleged === null || Array.isArray(alleged))
    fail(place, 'an object', describe(alleged));
  for (const key of keys === undefined ? [] : Object.keys(alleged)) {
    if (!keys?.includes(key))
      fail(
        place,
        `the keys ${keys?.map(quote).join(', ')}`,
        `the key ${quote(key)}`,
        suggestion(key, keys ?? []),
      );
  }
  return alleged as Json;
}

function array(alleged: unknown, place: string): readonly unknown[] {
  return Array.isArray(alleged) ? alleged : fail(place, 'an array', describe(alleged));
}

function boolean(alleged: unknown, place: string): boolean {
  return typeof alleged === 'boolean' ? alleged : fail(place, 'true or false', describe(alleged));
}

function nonEmpty(alleged: unknown, place: string): string {
  if (typeof alleged !== 'string' || alleged.trim() === '')
    fail(place, 'text that is not empty', describe(alleged));
  return alleged;
}

function oneOf<T extends string>(alleged: unknown, values: readonly T[], place: string): T {
  if (values.includes(alleged as T)) return alleged as T;
  return fail(place, values.map(quote).join(' or '), describe(alleged), suggestion(alleged, values));
}

function list<T extends string>(alleged: unknown, values: readonly T[], place: string): T[] {
  const items = array(alleged, place).map((item, index) => oneOf(item, values, `${place}/${index}`));
  return distinct(items, place);
}

function globs(alleged: unknown, place: string): string[] {
  const items = array(alleged, place).map((item, index) => nonEmpty(item, `${place}/${index}`));
  return distinct(items, place);
}

function fdNumbers(alleged: unknown, place: string): number[] {
  const items = array(alleged, place).map((item, index) => {
    if (typeof item === 'number' && Number.isInteger(item) && item >= 0 && item <= 0x7fffffff) return item;
    return fail(`${place}/${index}`, 'a whole number from 0 to 2147483647', describe(item));
  });
  return distinct(items, place);
}

function distinct<T>(items: T[], place: string): T[] {
  if (items.length === 0) fail(place, 'at least one', 'an empty array');
  const repeated = items.find((item, index) => items.indexOf(item) !== index);
  if (repeated !== undefined) fail(place, 'each value once', `${describe(repeated)} twice`);
  return items;
}

function callerName(alleged: unknown, place: string): string {
  return alleged === '.' || alleged === '*'
    ? alleged
    : packageName(alleged, place, '"." (the app), "*" (anyone) or ');
}

function packageName(alleged: unknown, place: string, otherwise = ''): string {
  if (isPackageName(alleged)) return alleged;
  return fail(place, `${otherwise}the name of a package, without a version`, describe(alleged));
}

/** npm's own limits for new names, without its ban on capitals: old packages have some. */
export function isPackageName(name: unknown): name is string {
  return typeof name === 'string' && /^(?:@[\w~!'()*.-]+\/)?[\w~!'()*-][\w~!'()*.-]*$/.test(name);
}

function semverRange(alleged: unknown, place: string): string {
  const range = nonEmpty(alleged, place);
  return isRange(range) ? range : fail(place, 'a semver range like "^1.2.0"', describe(alleged));
}

function date(alleged: unknown, place: string): string {
  const isDate =
    typeof alleged === 'string' &&
    /^\d{4}-\d\d-\d\d$/.test(alleged) &&
    !Number.isNaN(Date.parse(alleged)) &&
    // Date.parse takes February 30 for March 1.
    new Date(alleged).toISOString().startsWith(alleged);
  return isDate ? alleged : fail(place, 'a date like "2027-01-31"', describe(alleged));
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

/** As in RFC 6901. */
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

function fail(place: string, expected: string, found: string, hint = ''): never {
  throw new ClosefdsError('ERR_CLOSEFDS_CONFIG', `${place}: expected ${expected}, found ${found}.${hint}`);
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
