import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { parseJson } from '../../src/base/json-with-positions';
import { CONFIG_KEYS } from '../../src/policy/config';
import { parseConfig, RULE_KEYS } from '../../src/policy/parse-config';
import { ACCESSES, EFFECTS, FILE_TYPES, KINDS, MODES } from '../../src/policy/rule';
import { ROOT } from '../support/run';

test('a full config', t => {
  const rule = {
    caller: '@scope/name',
    range: '>=1.0.0 <2',
    via: ['wrap', '@scope/run'],
    script: 'bin/*.js',
    kinds: ['fd', 'stray'],
    fds: [3, 4],
    command: 'chrome*',
    callSite: 'lib/**',
    target: '/data/*',
    type: 'file',
    access: 'both',
    effect: 'allow',
    reason: 'the worker reads it',
    expires: '2027-02-28',
  };
  const config = {
    $schema: 'x',
    mode: 'strict',
    compat: false,
    unverified: 'deny',
    aliases: { a: 'b' },
    rules: [rule],
    candidate: { mode: 'strict', rules: [{ effect: 'deny' }] },
    redact: ['/secret/**'],
    announce: true,
    report: 'findings-%p.ndjson',
    deep: true,
  };
  t.deepEqual(parseConfig(config, 'closefds.json') as unknown, {
    mode: 'strict',
    compat: false,
    unverified: 'deny',
    aliases: { a: 'b' },
    rules: [{ ...rule, source: 'closefds.json#/rules/0' }],
    candidate: {
      mode: 'strict',
      compat: true,
      unverified: 'warn',
      aliases: {},
      rules: [{ effect: 'deny', source: 'closefds.json#/candidate/rules/0' }],
    },
    redact: ['/secret/**'],
    announce: true,
    report: 'findings-%p.ndjson',
    deep: true,
  });
});

test('an empty config is the default', t => {
  t.deepEqual(parseConfig({}, 'f'), {
    mode: undefined,
    compat: true,
    unverified: 'warn',
    aliases: {},
    rules: [],
    candidate: undefined,
    redact: [],
    announce: false,
    report: undefined,
    deep: undefined,
  });
});

const allow = { effect: 'allow', reason: 'r' };

for (const [name, config, message] of [
  ['no object', [], 'f: expected an object, found [].'],
  ['null', null, 'f: expected an object, found null.'],
  ['a schema that is none', { $schema: [] }, 'f#/$schema: expected the address of a schema, found [].'],
  [
    'an unknown key',
    { rule: [] },
    'f: expected one of the keys "$schema", "mode", "compat", "unverified", "aliases", "rules", "candidate", "redact", "announce", "report" or "deep", found "rule". Did you mean "rules"?',
  ],
  [
    'a wrong mode',
    { mode: 'enforced' },
    'f#/mode: expected "off", "warn", "enforce" or "strict", found "enforced". Did you mean "enforce"?',
  ],
  ['compat as text', { compat: 'no' }, 'f#/compat: expected true or false, found "no".'],
  [
    'unverified as a mode',
    { unverified: 'enforce' },
    'f#/unverified: expected "allow", "warn" or "deny", found "enforce".',
  ],
  ['rules as an object', { rules: {} }, 'f#/rules: expected an array, found {}.'],
  [
    'a rule without an effect',
    { rules: [{}] },
    'f#/rules/0/effect: expected "allow", "warn" or "deny", found nothing.',
  ],
  [
    'a misspelt effect',
    { rules: [{ effect: 'alow' }] },
    'f#/rules/0/effect: expected "allow", "warn" or "deny", found "alow". Did you mean "allow"?',
  ],
  [
    'allow without a reason',
    { rules: [{ effect: 'allow' }] },
    'f#/rules/0/reason: expected the reason why this is allowed, found nothing.',
  ],
  [
    'an empty reason',
    { rules: [{ effect: 'allow', reason: ' ' }] },
    'f#/rules/0/reason: expected text that is not empty, found " ".',
  ],
  [
    'a caller with a version',
    { rules: [{ ...allow, caller: 'tsx@4' }] },
    'f#/rules/0/caller: expected "." (the app), "*" (any caller) or the name of a package, without a version, found "tsx@4".',
  ],
  [
    'a range without a caller',
    { rules: [{ ...allow, range: '1' }] },
    'f#/rules/0/range: expected a "caller" that is a package beside it, found nothing.',
  ],
  [
    'via without a caller',
    { rules: [{ ...allow, via: ['wrap'] }] },
    'f#/rules/0/via: expected a "caller" that is a package or "." beside it, found nothing.',
  ],
  [
    'via for any caller',
    { rules: [{ ...allow, caller: '*', via: ['wrap'] }] },
    'f#/rules/0/via: expected a "caller" that is a package or "." beside it, found "*".',
  ],
  [
    'via that is no list',
    { rules: [{ ...allow, caller: '.', via: 'wrap' }] },
    'f#/rules/0/via: expected an array, found "wrap".',
  ],
  [
    'via with the app',
    { rules: [{ ...allow, caller: 'a', via: ['.'] }] },
    'f#/rules/0/via/0: expected the name of a package, without a version, found ".".',
  ],
  [
    'via with a package twice',
    { rules: [{ ...allow, caller: 'a', via: ['b', 'b'] }] },
    'f#/rules/0/via: expected each value once, found "b" twice.',
  ],
  [
    'a range that is none',
    { rules: [{ ...allow, caller: 'a', range: 'newest' }] },
    'f#/rules/0/range: expected a semver range like "^1.2.0", found "newest".',
  ],
  [
    'an unknown kind',
    { rules: [{ ...allow, kinds: ['fd', 'strays'] }] },
    'f#/rules/0/kinds/1: expected "fd", "pipe", "ipc" or "stray", found "strays". Did you mean "stray"?',
  ],
  [
    'no kinds',
    { rules: [{ ...allow, kinds: [] }] },
    'f#/rules/0/kinds: expected at least one, found an empty array.',
  ],
  [
    'a kind twice',
    { rules: [{ ...allow, kinds: ['fd', 'fd'] }] },
    'f#/rules/0/kinds: expected each value once, found "fd" twice.',
  ],
  [
    'a negative FD',
    { rules: [{ ...allow, fds: [-1] }] },
    'f#/rules/0/fds/0: expected a whole number from 0 to 2147483647, found -1.',
  ],
  [
    'a fractional FD',
    { rules: [{ ...allow, fds: [3, 4.5] }] },
    'f#/rules/0/fds/1: expected a whole number from 0 to 2147483647, found 4.5.',
  ],
  [
    'a target of a pipe',
    { rules: [{ ...allow, kinds: ['pipe'], target: '*' }] },
    'f#/rules/0/target: expected "kinds" with "fd" or "stray", since others point to nothing yet, found ["pipe"].',
  ],
  [
    'a date that is none',
    { rules: [{ ...allow, expires: '2027-02-30' }] },
    'f#/rules/0/expires: expected a date like "2027-01-31", found "2027-02-30".',
  ],
  [
    'the same conditions twice',
    {
      rules: [
        { ...allow, caller: 'a' },
        { effect: 'deny', caller: 'a' },
      ],
    },
    'f#/rules/1: expected conditions that no earlier rule has, found those of f#/rules/0.',
  ],
  [
    'a glob of callers',
    { rules: [{ ...allow, caller: '@babel/*' }] },
    'f#/rules/0/caller: expected "." (the app), "*" (any caller) or the name of a package, without a version, found "@babel/*". Globs are not read here: name each package.',
  ],
  ...[{}, { kinds: ['fd'] }, { kinds: ['ipc', 'fd'] }].map(
    kinds =>
      [
        `FD 1 with ${JSON.stringify(kinds)}`,
        { rules: [{ ...allow, fds: [3, 1], ...kinds }] },
        'f#/rules/0/fds: expected FDs from 3 up, or "kinds": ["ipc"] beside them: stdin, stdout and stderr always pass, and only a message channel is judged at 0, 1 or 2, found [3,1].',
      ] as const,
  ),
  [
    'a rule in place of the config',
    { caller: 'a', effect: 'deny', mode: 'warn' },
    'f: expected one of the keys "$schema", "mode", "compat", "unverified", "aliases", "rules", "candidate", "redact", "announce", "report" or "deep", found "caller", "effect". The keys of a rule go into the list of rules: {"rules": [{"caller": ...}]}.',
  ],
  [
    'an alias of nothing',
    { aliases: { a: '' } },
    'f#/aliases/a: expected the name of a package, without a version, found "".',
  ],
] as const) {
  test(`a config is refused for ${name}`, t => {
    const error = t.throws(() => parseConfig(config, 'f'));
    t.is(error?.message, message);
    t.is((error as { code?: string }).code, 'ERR_CLOSEFDS_CONFIG');
  });
}

test('all mistakes of a config are in one error', t => {
  const config = {
    mod: 'warn',
    compat: 1,
    aliases: { a: '', b: 'c', d: ' ' },
    redact: ['', 'a', 1],
    rules: [
      { effct: 'deny', fds: [-1, 3, 'x'] },
      { effect: 'allow', caller: 'a@1', range: '1', expires: 'never' },
      { effect: 'deny', kinds: ['strays'], target: '/x' },
      7,
    ],
    candidate: {
      mode: 'of',
      rules: [
        { ...allow, caller: 'a' },
        { ...allow, caller: 'a' },
      ],
    },
  };
  const error = t.throws(() => parseConfig(config, 'f')) as Error;
  const [first, ...lines] = error.message.split('\n');
  t.is(first, '16 mistakes:');
  t.deepEqual(
    lines.map(line => /^ {2}(f\S*): expected .*, found (.*)\.(?: .*)?$/.exec(line)?.slice(1).join(' ')),
    [
      'f "mod"',
      'f#/compat 1',
      'f#/aliases/a ""',
      'f#/aliases/d " "',
      'f#/rules/0 "effct"',
      'f#/rules/0/fds/0 -1',
      'f#/rules/0/fds/2 "x"',
      'f#/rules/1/caller "a@1"',
      'f#/rules/1/reason nothing',
      'f#/rules/1/expires "never"',
      'f#/rules/2/kinds/0 "strays"',
      'f#/rules/3 7',
      'f#/candidate/mode "of"',
      'f#/candidate/rules/1 those of f#/candidate/rules/0',
      'f#/redact/0 ""',
      'f#/redact/2 1',
    ],
  );
  t.deepEqual(
    error.cause,
    lines.map(line => line.slice(2)),
  );
});

test('a message channel at stdin can be ruled on', t => {
  const rule = { effect: 'deny', kinds: ['ipc'], fds: [0, 3] };
  t.deepEqual(parseConfig({ rules: [rule] }, 'f').rules as unknown, [{ ...rule, source: 'f#/rules/0' }]);
});

test('the published schema names the same keys and values', t => {
  const schema = JSON.parse(readFileSync(path.join(ROOT, 'config.schema.json'), 'utf8'));
  const rule = schema.$defs.rule.properties;
  t.deepEqual(Object.keys(schema.properties).sort(), [...CONFIG_KEYS].sort());
  t.deepEqual(Object.keys(rule).sort(), [...RULE_KEYS].sort());
  t.deepEqual(schema.properties.mode.enum, MODES);
  t.deepEqual(rule.effect.enum, EFFECTS);
  t.deepEqual(rule.kinds.items.enum, KINDS);
  t.deepEqual(rule.type.enum, FILE_TYPES);
  t.deepEqual(rule.access.enum, ACCESSES);
});

for (const { name, text, message } of [
  { name: 'nothing', text: '', message: 'line 1, column 1: expected a value, found the end of the file' },
  {
    name: 'a comment',
    text: '{\n  // why\n}',
    message: 'line 2, column 3: expected a key in double quotes, found a comment, which JSON does not have',
  },
  {
    name: 'a trailing comma',
    text: '{"a": 1,}',
    message: 'line 1, column 9: expected a key in double quotes, found "}"',
  },
  {
    name: 'a key twice',
    text: '{"a": 1,\n "a": 2}',
    message: 'line 2, column 2: expected each key once, found a second "a"',
  },
  {
    name: 'single quotes',
    text: "{'a': 1}",
    message: 'line 1, column 2: expected a key in double quotes, found "\'"',
  },
  {
    name: 'a string without an end',
    text: '["abc',
    message: 'line 1, column 2: expected a string that ends, found the end of the file',
  },
  { name: 'two values', text: '{} {}', message: 'line 1, column 4: expected the end of the file, found "{"' },
  { name: 'a bare word', text: '{"a": yes}', message: 'line 1, column 7: expected a value, found "yes"' },
  { name: 'a missing colon', text: '{"a" 1}', message: 'line 1, column 6: expected ":", found "1"' },
  { name: 'a missing comma', text: '[1 2]', message: 'line 1, column 4: expected "," or "]", found "2"' },
  {
    name: 'deep nesting',
    text: '['.repeat(100),
    message: 'line 1, column 66: expected at most 64 levels of nesting, found more',
  },
] as const) {
  test(`JSON refused: ${name}`, t => {
    t.is(t.throws(() => parseJson(text))?.message, message);
  });
}

for (const text of [
  '{}',
  ' [1, -2.5e3, "\\u00e9\\n", true, null] ',
  '\uFEFF{"a": {"b": []}}',
  '"x"',
  '{"__proto__": 1}',
]) {
  test(`JSON accepted: ${text}`, t => {
    t.deepEqual(parseJson(text), JSON.parse(text.replace('\uFEFF', '')));
  });
}
