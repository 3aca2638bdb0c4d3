// Validates the config. Loaded only if there is one.
//
// The conditions of rules are declared in conditions.ts; config.schema.json is generated from them, too.

import { ClosefdsError } from '../base/errors';
import { JsonError, parseJson } from '../base/json-with-positions';
import { CONDITIONS, type ConditionKey, type RuleConditions } from './conditions';
import { CONFIG_KEYS, type Config, POLICY_KEYS, type PolicyConfig } from './config';
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
  optional,
  PARSERS,
  packageName,
  quote,
} from './parse-value';
import { DESIGNATED, EFFECTS, MODES, type Mode, type Rule } from './rule';

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
export function parseMode(input: string, path: string): Mode {
  return oneOf(input, MODES, path);
}

/** Names the place by file and JSON pointer. Throws ERR_CLOSEFDS_CONFIG at the first mistake. */
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
    deep: optional(config.deep, value => boolean(value, pathTo('deep'))),
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
    // The effect and its reason aside: of two rules with the same conditions, the second is dead.
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

  const effect = oneOf(rule.effect, EFFECTS, pathTo('effect'));
  const conditions = parseConditions(rule, pathTo);
  const reason = optional(rule.reason, value => nonEmpty(value, pathTo('reason')));
  if (effect === 'allow' && reason === undefined)
    fail(pathTo('reason'), 'the reason why this is allowed', describe(rule.reason));
  const expires = optional(rule.expires, value => date(value, pathTo('expires')));
  return withoutUndefined({ ...conditions, effect, reason, expires, source }) as Rule;
}

function parseConditions(rule: JsonObject, pathTo: (key: string) => string): RuleConditions {
  const parsed = Object.fromEntries(
    CONFIG_CONDITIONS.map(key => [
      key,
      optional(rule[key], value => PARSERS[CONDITIONS[key].value](value, pathTo(key))),
    ]),
  ) as RuleConditions;
  for (const key of CONFIG_CONDITIONS) {
    if (parsed[key] === undefined) continue;
    const { needsPackage, onlyFor } = CONDITIONS[key];
    if (needsPackage && !isOnePackage(parsed.caller))
      fail(pathTo(key), 'a "caller" that is a package beside it', describe(rule.caller));
    if (onlyFor !== undefined && !(parsed.kinds ?? DESIGNATED).some(kind => onlyFor.includes(kind)))
      fail(
        pathTo(key),
        `"kinds" with ${onlyFor.map(quote).join(' or ')}, since others point to nothing yet`,
        describe(rule.kinds),
      );
  }
  return parsed;
}

function isOnePackage(caller: string | undefined): boolean {
  return caller !== undefined && caller !== '.' && caller !== '*';
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

function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined));
}
