// A denial is told however the process ends, and an error that follows a denial is explained.

import path from 'node:path';
import test from 'ava';
import { REGISTER, ROOT, run } from '../support/run';

const END = path.join(ROOT, 'test', 'fixtures', 'end-after-denial.js');
const CRASH = path.join(ROOT, 'test', 'fixtures', 'crash-after-denial.js');

const TOLD = /\[CLOSEFDS_DESIGNATED\] ClosefdsWarning: designated FD 3 /g;

interface End {
  readonly way: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly through?: readonly string[];
}

const ENDS: readonly End[] = [
  { way: 'return', code: 0, signal: null },
  { way: 'exit', code: 0, signal: null },
  { way: 'reallyExit', code: 5, signal: null },
  { way: 'abort', code: null, signal: 'SIGABRT' },
  { way: 'SIGTERM', code: null, signal: 'SIGTERM' },
  { way: 'SIGKILL', code: null, signal: 'SIGKILL' },
  { way: 'signal 9', code: null, signal: 'SIGKILL' },
  { way: 'signal to the own group', code: null, signal: 'SIGTERM', through: ['setsid', '--wait'] },
  { way: 'signal to another group', code: 0, signal: null },
  { way: 'handled signal', code: 0, signal: null },
];

for (const { way, code, signal, through = [] } of ENDS) {
  for (const when of ['at once', 'late']) {
    for (const mode of ['warn', 'enforce']) {
      test(`the denial is told once in mode ${mode} and the process ends as without closefds: ${way}, ${when}`, async t => {
        const options = { args: [way, when], env: { CLOSEFDS_MODE: mode }, through };
        const end = (nodeArgs: readonly string[]) => run(END, { ...options, nodeArgs });
        const [bare, guarded] = [await end([]), await end(['--require', REGISTER])];
        t.deepEqual({ code: bare.code, signal: bare.signal }, { code, signal }, bare.stderr);
        t.deepEqual({ code: guarded.code, signal: guarded.signal }, { code, signal }, guarded.stderr);
        t.is(guarded.stderr.match(TOLD)?.length, 1, guarded.stderr);
      });
    }
  }
}

interface Crash {
  readonly title: string;
  readonly args: readonly string[];
  /** The child's FD that the note names; undefined: no note. */
  readonly fd?: number;
  readonly mode?: string;
}

const CRASHES: readonly Crash[] = [
  { title: 'thrown', args: ['thrown'], fd: 3 },
  { title: 'a rejection', args: ['rejected'], fd: 3 },
  { title: 'thrown when the child has ended', args: ['later'], fd: 3 },
  { title: 'handled by the program', args: ['handled'], fd: 3 },
  { title: 'after fork()', args: ['from fork'], fd: 4 },
  { title: 'without a denial', args: ['unrelated', 'nothing'] },
  { title: 'in warn, where nothing is denied', args: ['unrelated'], mode: 'warn' },
];

const NOTE =
  /^closefds: \d+ ms before the error that follows, FD (\d) of ".+", started at (\S+):\d+:\d+, was denied\. In this process child\.stdio\[\d\] is null\.\nIf the child needs it, .+ closefds\.json:\n {2}(\{.*\})$/m;

for (const { title, args, fd, mode = 'enforce' } of CRASHES) {
  test(`an error is explained if a denial came before it: ${title}`, async t => {
    const options = { args, env: { CLOSEFDS_MODE: mode } };
    const bare = await run(CRASH, options);
    const { code, stdout, stderr } = await run(CRASH, { ...options, nodeArgs: ['--require', REGISTER] });
    const [, told, file, rules] = NOTE.exec(stderr) ?? [];
    t.is(told, fd === undefined ? undefined : String(fd), stderr);
    if (fd === undefined) {
      t.deepEqual([code, stdout], [bare.code, bare.stdout]);
      return;
    }
    t.is(file, CRASH);
    t.deepEqual(JSON.parse(rules ?? ''), {
      rules: [{ caller: '.', kinds: ['pipe'], fds: [fd], effect: 'allow', reason: '...' }],
    });
    t.is(code, title === 'handled by the program' ? 0 : 1);
    t.is(stdout, title === 'handled by the program' ? 'handled\n' : '');
  });
}
