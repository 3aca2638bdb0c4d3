// All messages to users on one page, docs/dev/messages.md, so that a reader can judge them together.
//
// `UPDATE_PAGES=1 npx ava dist/test/findings/message-page.test.js` writes the page.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {
  FINDING_CODES,
  type Finding,
  type FindingCode,
  type SelfFinding,
  type SpawnFinding,
} from '../../src/findings/finding';
import { toAdvice, toMessage, toRefusal } from '../../src/findings/message';
import { ROOT } from '../support/run';
import { caller } from '../support/values';

const PAGE = path.join(ROOT, 'docs', 'dev', 'messages.md');

const app = caller({ file: '/app/server.js', line: 3, column: 5, fileInPackage: 'server.js' });
const tsx = caller({
  name: 'tsx',
  version: '4.6.0',
  file: '/app/node_modules/tsx/cli.mjs',
  line: 1,
  column: 2,
});
const launched = caller({ ...app, launchers: ['cross-spawn'] });

const STRAY: SpawnFinding = {
  code: 'CLOSEFDS_STRAY',
  mode: 'enforce',
  effect: 'deny',
  disposition: 'closed',
  kind: 'stray',
  childFd: 20,
  sourceFd: 20,
  target: '/data/LOCK',
  type: 'file',
  access: 'both',
  atStart: false,
  route: 'spawn',
  command: 'sh',
  caller: app,
  rule: { source: 'default', reason: 'no rule allows it' },
  announcement: undefined,
};
const PIPE: SpawnFinding = {
  ...STRAY,
  code: 'CLOSEFDS_DESIGNATED',
  kind: 'pipe',
  childFd: 3,
  sourceFd: undefined,
  target: undefined,
  type: undefined,
  access: undefined,
};
const RULE = { source: 'closefds.json#/rules/0', reason: 'the collector reads it' };
const KNOWN = { source: 'compat/packages/tsx.json', reason: 'relays messages', knownUpTo: '4.5.0' };

const SPAWNS: Readonly<Record<string, SpawnFinding>> = {
  'a stray that was closed': STRAY,
  'a stray that passes in warn': { ...STRAY, mode: 'warn', disposition: 'passed' },
  'a stray that was inherited': { ...STRAY, atStart: true },
  'a stray of a known package': {
    ...STRAY,
    opener: { package: 'lmdb', version: '3.5.6', source: 'compat/packages/lmdb.json' },
  },
  'a stray that the arguments name': { ...STRAY, announcement: '--log-fd 20' },
  'a stray that a rule denies': { ...STRAY, rule: RULE },
  'a new pipe that was closed': PIPE,
  'a new pipe that passes in warn': { ...PIPE, mode: 'warn', disposition: 'passed' },
  'a new pipe through a launcher': { ...PIPE, caller: launched },
  'a new pipe of a package': { ...PIPE, caller: tsx },
  'a new pipe of an unknown caller': { ...PIPE, caller: undefined },
  'a message channel that a rule denies': { ...PIPE, kind: 'ipc', rule: RULE },
  'an open file': { ...STRAY, code: 'CLOSEFDS_DESIGNATED', kind: 'fd', childFd: 3 },
  'a rule that asks for a report': { ...PIPE, effect: 'warn', disposition: 'passed', rule: RULE },
  'a version that the table does not know': {
    ...PIPE,
    caller: tsx,
    rule: { source: 'default', reason: 'no rule allows it', knownIn: ['>=3.12.0 <=4.5.0'] },
  },
  'a version newer than the table': {
    ...PIPE,
    code: 'CLOSEFDS_UNVERIFIED',
    effect: 'warn',
    disposition: 'passed',
    caller: tsx,
    rule: KNOWN,
  },
  'unsafe()': {
    ...STRAY,
    code: 'CLOSEFDS_UNSAFE',
    disposition: 'passed',
    rule: { source: 'unsafe()', reason: 'reviewed in #12' },
  },
  'a candidate that differs': {
    ...PIPE,
    code: 'CLOSEFDS_CANDIDATE',
    effect: 'allow',
    disposition: 'passed',
    rule: RULE,
    candidate: {
      effect: 'deny',
      disposition: 'closed',
      rule: { source: 'default', reason: 'no rule allows it' },
    },
  },
};

const SELF_CODES = FINDING_CODES.filter(
  code => !Object.values(SPAWNS).some(finding => finding.code === code),
) as SelfFinding['code'][];

function entry(title: string, finding: Finding): string {
  return `## ${title}\n\n\`\`\`text\n[${finding.code}] ${toMessage([finding])}\n${toAdvice([finding])}\n\`\`\`\n`;
}

function page(): string {
  const refused = [STRAY, PIPE].map(finding => ({ ...finding, disposition: 'refused' as const }));
  return [
    '# Messages\n\nWhat closefds prints, one finding of each kind. [Findings](../findings.md) explains them. A test compares this page with the code.\n',
    ...Object.entries(SPAWNS).map(([title, finding]) => entry(title, finding)),
    ...SELF_CODES.map(code => entry(code, { code, mode: 'enforce', what: 'what happened' })),
    `## A refusal in strict\n\n\`\`\`text\n${toRefusal(refused)}\n\`\`\`\n`,
  ].join('\n');
}

test('docs/dev/messages.md shows each message as the code makes it', t => {
  if (process.env.UPDATE_PAGES) writeFileSync(PAGE, page());
  t.is(readFileSync(PAGE, 'utf8'), page());
});

test('the page of messages has each finding code', t => {
  const codes = new Set<FindingCode>([...Object.values(SPAWNS).map(({ code }) => code), ...SELF_CODES]);
  t.deepEqual([...codes].sort(), [...FINDING_CODES].sort());
});
