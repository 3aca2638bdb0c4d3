// Rules and reports of processes that native code makes: the caller is the package of the addon.

import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Made, makeAll, STRAY } from '../support/deep';
import { temporaryFolder, write } from '../support/programs';
import { tool } from '../support/run';

interface Case {
  readonly rules?: readonly object[];
  readonly mode?: 'warn' | 'enforce' | 'strict';
  readonly ways?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly redact?: readonly string[];
}

interface Reported {
  readonly code: string;
  readonly disposition: string;
  readonly caller?: { readonly package: string; readonly version?: string };
  readonly route: string;
  readonly command: string;
  readonly childFd: number;
  readonly native: { readonly object: string; readonly thread: string; readonly program?: string };
}

/** Runs an addon in node_modules/watcher, version 1.2.3. */
async function report(t: ExecutionContext, { rules = [], mode = 'enforce', ways, env, redact }: Case) {
  const folder = temporaryFolder(t);
  const home = path.join(folder, 'node_modules', 'watcher');
  write(folder, {
    'node_modules/watcher/package.json': '{"name": "watcher", "version": "1.2.3"}',
    'closefds.json': JSON.stringify({ deep: true, rules, ...(redact && { redact }) }),
  });
  mkdirSync(path.join(home, 'build'));
  const addon = path.join(home, 'build', 'watcher.node');
  copyFileSync(tool('native-noplt.node'), addon);
  const made = await makeAll(t, {
    addon,
    folder,
    ways: ways ?? ['system'],
    env: {
      CLOSEFDS_CONFIG: path.join(folder, 'closefds.json'),
      CLOSEFDS_MODE: mode,
      CLOSEFDS_REPORT: path.join(folder, 'report'),
      CLOSEFDS_DEEP: '',
      ...env,
    },
  });
  return { made, found: readReport(path.join(folder, 'report')), addon };
}

/** Without a finding, there is no file. */
function readReport(file: string): Reported[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').trim().split('\n').filter(Boolean);
  return lines.map(line => JSON.parse(line) as Reported).filter(({ childFd }) => childFd === STRAY);
}

const fdsOf = (made: Record<string, Made>) => Object.values(made).map(({ fds }) => fds);
const allow = { effect: 'allow', reason: 'the test allows it' };

for (const { title, given, fds, results } of [
  { title: 'without a rule, strays are closed', given: {}, fds: [[]], results: ['closed'] },
  { title: 'in warn, they pass', given: { mode: 'warn' }, fds: [[STRAY]], results: ['passed'] },
  {
    title: 'in strict, they are closed: a native call cannot be refused',
    given: { mode: 'strict' },
    fds: [[]],
    results: ['closed'],
  },
  {
    title: 'a rule for the package lets them pass and is not reported',
    given: { rules: [{ caller: 'watcher', kinds: ['stray'], ...allow }] },
    fds: [[STRAY]],
    results: [],
  },
  {
    title: 'a rule for other versions does not apply',
    given: { rules: [{ caller: 'watcher', range: '>=2', kinds: ['stray'], ...allow }] },
    fds: [[]],
    results: ['closed'],
  },
  {
    title: 'a rule for this version applies',
    given: { rules: [{ caller: 'watcher', range: '^1', kinds: ['stray'], ...allow }] },
    fds: [[STRAY]],
    results: [],
  },
  {
    title: 'a rule for another package does not apply',
    given: { rules: [{ caller: 'other', kinds: ['stray'], ...allow }] },
    fds: [[]],
    results: ['closed'],
  },
  {
    title: 'a rule for the number lets it pass',
    given: { rules: [{ caller: 'watcher', kinds: ['stray'], fds: [STRAY], ...allow }] },
    fds: [[STRAY]],
    results: [],
  },
  {
    title: 'a rule for another number does not',
    given: { rules: [{ caller: 'watcher', kinds: ['stray'], fds: [STRAY + 1], ...allow }] },
    fds: [[]],
    results: ['closed'],
  },
  {
    title: 'a rule that asks what the FD points to cannot apply',
    given: { rules: [{ caller: 'watcher', kinds: ['stray'], target: '/dev/zero', ...allow }] },
    fds: [[]],
    results: ['closed'],
  },
  {
    title: 'a rule with effect warn lets it pass and reports it',
    given: { rules: [{ caller: 'watcher', kinds: ['stray'], effect: 'warn' }] },
    fds: [[STRAY]],
    results: ['passed'],
  },
  {
    title: 'a rule that denies holds in warn, too',
    given: { mode: 'warn', rules: [{ caller: 'watcher', kinds: ['stray'], effect: 'deny' }] },
    fds: [[]],
    results: ['closed'],
  },
] as const)
  test(title, async t => {
    for (const way of ['system', 'vfork and execve', 'posix_spawn', 'fork and execve']) {
      const { made, found } = await report(t, { ...given, ways: [way] });
      t.deepEqual(
        fdsOf(made),
        fds.map(one => [...one]),
        way,
      );
      t.deepEqual(
        found.map(({ disposition }) => disposition),
        [...results],
        way,
      );
    }
  });

test('a report names the call, the command, the addon and its package', async t => {
  const ways = ['system', 'popen', 'posix_spawn', 'vfork and execve', 'fork and execv', 'clone', 'forkpty'];
  const { found, addon } = await report(t, { ways });
  t.deepEqual(found.map(({ route }) => route).sort(), [
    'clone',
    'fork',
    'forkpty',
    'popen',
    'posix_spawn',
    'system',
    'vfork',
  ]);
  for (const { code, caller, command, native } of found) {
    t.deepEqual([code, caller?.package, caller?.version], ['CLOSEFDS_STRAY', 'watcher', '1.2.3']);
    t.is(command, '/bin/sh');
    t.deepEqual([native.object, native.thread], [addon, 'javascript']);
  }
});

test('a path in the report can be redacted', async t => {
  const { found } = await report(t, { redact: ['**/watcher.node'] });
  t.deepEqual(
    found.map(({ native }) => native.object),
    ['[redacted]'],
  );
});
