// Validates the config. Loaded only if there is one.
//
// The conditions of rules are declared in conditions.ts; config.schema.json is generated from them, too.

import { nearestOf } from '../base/did-you-mean';
import { ClosefdsError } from '../base/errors';
import { JsonError, parseJson } from '../base/json-with-positions';
import { CONDITIONS, type ConditionKey, type RuleConditions } from './conditions';
import { CONFIG_KEYS, type Config, POLICY_KEYS, type PolicyConfig } from './config';
import { Mistakes } from './mistakes';
import {
  array,
  at,
  boolean,
  date,
  describe,
  escapePointer,
  fail,
  globs,
  type JsonObject,
  nonEmpty,
  object,
  oneOf,
  onlyKeys,
  optional,
  orList,
  PARSERS,
  packageName,
  quote,
} from './parse-value';
import { DESIGNATED, EFFECTS, MODES, type Rule } from './rule';
import { VARIABLE_PREFIX } from './variables';

/** The conditions that a config may have. */
export const CONFIG_CONDITIONS = (Object.keys(CONDITIONS) as ConditionKey[]).filter(
  key => !CONDITIONS[key].internal,
);

export const RULE_KEYS: readonly string[] = [...CONFIG_CONDITIONS, 'effect', 'reason', 'expires'];

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
export function parseChoice<T extends string>(input: string, values: readonly T[], path: string): T {
  return oneOf(input, values, path);
}

/** Throws ERR_CLOSEFDS_CONFIG for a variable that is not among `known`. */
export function refuseVariable(name: string, known: readonly string[]): never {
  const suffixes = known.map(one => one.slice(VARIABLE_PREFIX.length));
  const near = nearestOf(name.slice(VARIABLE_PREFIX.length), suffixes);
  const hint = near === undefined ? '' : ` Did you mean ${VARIABLE_PREFIX}${near}?`;
  return fail(name, `one of the variables ${orList(known)}`, 'this one, which closefds does not read', hint);
}

/** Names each place by file and JSON pointer. Throws ERR_CLOSEFDS_CONFIG with all mistakes. */
export function parseConfig(input: unknown, file: string, pointer = ''): Config {
  const path = at(file, pointer);
  const config = object(input, path);
  const pathTo = (key: string) => at(file, `${pointer}/${key}`);
  const mistakes = new Mistakes();
  mistakes.attempt(() => onlyKeys(config, path, CONFIG_KEYS, IN_A_RULE));
  mistakes.attempt(() => optional(config.$schema, value => schemaAddress(value, pathTo('$schema'))));

  const parsed = {
    ...parsePolicy(config, file, pointer, mistakes),
    candidate: mistakes.attempt(() =>
      optional(config.candidate, value => parseCandidate(value, file, `${pointer}/candidate`)),
    ),
    redact: mistakes.attempt(() => optional(config.redact, value => globs(value, pathTo('redact')))) ?? [],
    announce:
      mistakes.attempt(() => optional(config.announce, value => boolean(value, pathTo('announce')))) ?? false,
    report: mistakes.attempt(() => optional(config.report, value => nonEmpty(value, pathTo('report')))),
    deep: mistakes.attempt(() => optional(config.deep, value => boolean(value, pathTo('deep')))),
  };
  mistakes.throwIfAny();
  return parsed;
}

/** A rule that was written in place of the config. */
const IN_A_RULE = {
  keys: RULE_KEYS,
  where: 'The keys of a rule go into the list of rules: {"rules": [{"caller": ...}]}.',
};

function schemaAddress(input: unknown, path: string): void {
  if (typeof input !== 'string') fail(path, 'the address of a schema', describe(input));
}

function parseCandidate(input: unknown, file: string, pointer: string): PolicyConfig {
  const path = at(file, pointer);
  const config = object(input, path);
  const mistakes = new Mistakes();
  mistakes.attempt(() => onlyKeys(config, path, POLICY_KEYS, IN_A_RULE));
  const parsed = parsePolicy(config, file, pointer, mistakes);
  mistakes.throwIfAny();
  return parsed;
}

function parsePolicy(config: JsonObject, file: string, pointer: string, mistakes: Mistakes): PolicyConfig {
  const value = <T>(key: string, parse: (value: unknown, path: string) => T) =>
    mistakes.attempt(() => optional(config[key], part => parse(part, at(file, `${pointer}/${key}`))));
  return {
    mode: value('mode', (mode, path) => oneOf(mode, MODES, path)),
    compat: value('compat', boolean) ?? true,
    unverified: value('unverified', (effect, path) => oneOf(effect, EFFECTS, path)) ?? 'warn',
    aliases: value('aliases', parseAliases) ?? {},
    rules: value('rules', parseRules) ?? [],
  };
}

function parseRules(input: unknown, path: string): Rule[] {
  const mistakes = new Mistakes();
  const rules = array(input, path).map((rule, index) =>
    mistakes.attempt(() => parseRule(rule, `${path}/${index}`)),
  );
  const seen = new Map<string, string>();
  for (const rule of rules) if (rule !== undefined) mistakes.attempt(() => refuseDeadRule(rule, seen));
  mistakes.throwIfAny();
  return rules as Rule[];
}

/** The effect and its reason aside: of two rules with the same conditions, the second is dead. */
function refuseDeadRule(
  { source, effect, reason, expires, ...conditions }: Rule,
  seen: Map<string, string>,
): void {
  const key = JSON.stringify(Object.entries(conditions).sort());
  const first = seen.get(key);
  if (first !== undefined) fail(source, 'conditions that no earlier rule has', `those of ${first}`);
  seen.set(key, source);
}

function parseRule(input: unknown, source: string): Rule {
  const rule = object(input, source);
  const pathTo = (key: string) => `${source}/${key}`;
  const mistakes = new Mistakes();
  mistakes.attempt(() => onlyKeys(rule, source, RULE_KEYS));

  // A mistyped key is probably the one that is missing.
  const isComplete = Object.keys(rule).every(key => RULE_KEYS.includes(key));

  const effect =
    rule.effect !== undefined || isComplete
      ? mistakes.attempt(() => oneOf(rule.effect, EFFECTS, pathTo('effect')))
      : undefined;
  const conditions = parseConditions(rule, pathTo, mistakes);
  const reason = mistakes.attempt(() => optional(rule.reason, value => nonEmpty(value, pathTo('reason'))));
  if (effect === 'allow' && rule.reason === undefined && isComplete)
    mistakes.attempt(() => fail(pathTo('reason'), 'the reason why this is allowed', 'nothing'));
  const expires = mistakes.attempt(() => optional(rule.expires, value => date(value, pathTo('expires'))));
  mistakes.throwIfAny();
  return withoutUndefined({ ...conditions, effect, reason, expires, source }) as Rule;
}

function parseConditions(
  rule: JsonObject,
  pathTo: (key: string) => string,
  mistakes: Mistakes,
): RuleConditions {
  const parsed = Object.fromEntries(
    CONFIG_CONDITIONS.map(key => [
      key,
      mistakes.attempt(() =>
        optional(rule[key], value => PARSERS[CONDITIONS[key].value](value, pathTo(key))),
      ),
    ]),
  ) as RuleConditions;
  for (const key of CONFIG_CONDITIONS)
    if (parsed[key] !== undefined) mistakes.attempt(() => checkCombination(key, parsed, rule, pathTo(key)));
  return parsed;
}

/** Refuses a condition that can never hold beside the others. One of those that is wrong itself is not looked at. */
function checkCombination(key: ConditionKey, parsed: RuleConditions, rule: JsonObject, path: string): void {
  const { needsPackage, needsCaller, onlyFor } = CONDITIONS[key];
  const isWrong = (other: 'caller' | 'kinds') => rule[other] !== undefined && parsed[other] === undefined;
  if (needsPackage && !isWrong('caller') && !isOnePackage(parsed.caller))
    fail(path, 'a "caller" that is a package beside it', describe(rule.caller));
  if (needsCaller && !isWrong('caller') && (parsed.caller === undefined || parsed.caller === '*'))
    fail(path, 'a "caller" that is a package or "." beside it', describe(rule.caller));
  if (isWrong('kinds')) return;
  if (onlyFor !== undefined && !(parsed.kinds ?? DESIGNATED).some(kind => onlyFor.includes(kind)))
    fail(
      path,
      `"kinds" with ${orList(onlyFor.map(quote))}, since others point to nothing yet`,
      describe(rule.kinds),
    );
  if (key === 'fds' && parsed.fds?.some(fd => fd < 3) && parsed.kinds?.join() !== 'ipc')
    fail(
      path,
      'FDs from 3 up, or "kinds": ["ipc"] beside them: stdin, stdout and stderr always pass, and only a message channel is judged at 0, 1 or 2',
      describe(rule.fds),
    );
}

function isOnePackage(caller: string | undefined): boolean {
  return caller !== undefined && caller !== '.' && caller !== '*';
}

function parseAliases(input: unknown, path: string): Record<string, string> {
  const mistakes = new Mistakes();
  const aliases = Object.entries(object(input, path)).map(([name, value]) => {
    const pathTo = `${path}/${escapePointer(name)}`;
    return [name, value].map(part => mistakes.attempt(() => packageName(part, pathTo)));
  });
  mistakes.throwIfAny();
  return Object.fromEntries(aliases);
}

function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined));
}
