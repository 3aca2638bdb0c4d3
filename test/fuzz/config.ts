// Config files: whatever is in one, it is either a config or refused with ERR_CLOSEFDS_CONFIG, and
// the message names a place that is there.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020';
import fc from 'fast-check';
import { CONFIG_KEYS } from '../../src/policy/config';
import { parseConfig, RULE_KEYS } from '../../src/policy/parse-config';
import { ACCESSES, EFFECTS, FILE_TYPES, KINDS, MODES } from '../../src/policy/rule';
import { readConfig } from '../../src/policy/settings';
import { ROOT } from '../support/run';
import { damaged, must, property, type Target } from './target';

const strange: fc.Arbitrary<unknown> = fc.jsonValue({ maxDepth: 3 });

/** Mostly right, so that what comes behind the first mistake is tried as well. */
function mostly(right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 15, arbitrary: right }, { weight: 1, arbitrary: strange });
}

const name = fc.oneof(fc.constantFrom('.', '*', 'tsx', '@a/b', 'tsx@4', '../x', ''), fc.string());
const text = fc.oneof(fc.constantFrom('because', '', ' ', '**/*.js', '/a/b'), fc.string());

const rules = fc.record(
  {
    caller: mostly(name),
    range: mostly(fc.constantFrom('*', '^1.2.3', '>=1 <2 || 5', '1.x', 'newest', '>=', '1.2.3-rc.1')),
    kinds: mostly(fc.uniqueArray(fc.constantFrom(...KINDS), { minLength: 1 })),
    fds: mostly(fc.array(fc.oneof(fc.nat(40), fc.integer(), fc.double()), { maxLength: 3 })),
    script: mostly(text),
    command: mostly(text),
    callSite: mostly(text),
    target: mostly(text),
    type: mostly(fc.constantFrom(...FILE_TYPES)),
    access: mostly(fc.constantFrom(...ACCESSES)),
    effect: mostly(fc.constantFrom(...EFFECTS)),
    reason: mostly(text),
    expires: mostly(fc.constantFrom('2027-01-31', '2027-02-30', '9999-12-31', '0000-01-01', '+012345-01-01')),
  },
  { requiredKeys: ['effect', 'reason'] },
);

const configs = mostly(
  fc.record(
    {
      $schema: mostly(text),
      mode: mostly(fc.constantFrom(...MODES)),
      compat: mostly(fc.boolean()),
      unverified: mostly(fc.constantFrom(...EFFECTS)),
      aliases: mostly(fc.dictionary(name as fc.Arbitrary<string>, mostly(name))),
      rules: mostly(fc.array(mostly(rules), { maxLength: 4 })),
      rule: strange,
    },
    { requiredKeys: ['rules'] },
  ),
);

const validate = new Ajv2020({ strict: true, strictRequired: false, formats: { date: true } }).compile(
  JSON.parse(readFileSync(path.join(ROOT, 'config.schema.json'), 'utf8')),
);

function checkValue(alleged: unknown): void {
  const refused = refusalOf(() => parseConfig(alleged, 'f'));
  if (refused === undefined) {
    must(validate(alleged), `the schema accepts it: ${JSON.stringify(validate.errors)}`);
    return;
  }
  for (const message of mistakesIn(refused)) {
    const match = /^f(?:#((?:\/[^/]*)+?))?: expected /s.exec(message);
    must(match !== null, `the message names its place: ${refused}`);
    must(leadsSomewhere(alleged, match[1] ?? ''), `the place is there: ${refused}`);
  }
}

/** Several mistakes are lines below a count. A value that a line quotes has its line feeds escaped. */
function mistakesIn(refused: string): string[] {
  const [head = '', ...lines] = refused.split('\n  ');
  return /^\d+ mistakes:$/.test(head) ? lines : [refused];
}

/** The place itself may be missing, which may be what is wrong; what it lies in may not. */
function leadsSomewhere(value: unknown, pointer: string): boolean {
  const keys = pointer
    .split('/')
    .slice(1)
    .map(key => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  let at = value;
  for (const [depth, key] of keys.entries()) {
    if (typeof at !== 'object' || at === null) return false;
    if (depth < keys.length - 1 && !Object.hasOwn(at, key)) return false;
    at = (at as Record<string, unknown>)[key];
  }
  return true;
}

/** The message; undefined if there was none to refuse. Anything else that is thrown is a bug. */
function refusalOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    must((error as { code?: unknown }).code === 'ERR_CLOSEFDS_CONFIG', `${error} is our refusal`);
    const { message } = error as Error;
    must(
      /expected .*, found |not valid JSON: line \d+, column \d+: /s.test(message),
      `it explains: ${message}`,
    );
    return message;
  }
}

let file: string | undefined;

function checkFile(bytes: Uint8Array): void {
  if (file === undefined) {
    const folder = mkdtempSync(path.join(tmpdir(), 'closefds-fuzz-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    file = path.join(folder, 'closefds.json');
  }
  writeFileSync(file, bytes);
  for (const place of [file, `${file}#/closefds`]) {
    const refused = refusalOf(() => readConfig(place));
    for (const message of refused === undefined ? [] : mistakesIn(refused))
      must(message.startsWith(String(file)), `it names the file: ${refused}`);
  }
}

const words = [...CONFIG_KEYS, ...RULE_KEYS, ...KINDS, ...EFFECTS].map(word => JSON.stringify(word));
const texts = damaged(
  configs.map(config => JSON.stringify(config)),
  [...words, '{', '}', '[', ']', ',', ':', '"', '\\', '\uFEFF', '//', '__proto__', '\u0000', '\ud800'],
);

export const CONFIG_TARGETS: readonly Target[] = [
  property(
    'config',
    'a config is read, or refused at a place in it; what is read fits the schema',
    3000,
    configs,
    checkValue,
  ),
  property(
    'config-file',
    'a file is read, or refused by its name; nothing else is thrown',
    1500,
    fc.oneof(
      texts.map(text => Buffer.from(text)),
      texts.map(text => Buffer.from(text, 'utf16le')),
      texts.map(text => Buffer.from(`{"closefds":${text}}`)),
      fc.uint8Array({ maxLength: 200 }),
    ),
    checkFile,
  ),
];
