// Failing safe: with an error of ours at each step of a spawn, what was not allowed is closed all
// the same, the spawn works, and it is reported once.
//
// The program designates FD 3, which a rule allows, and has a stray, FD 40. It starts a child in
// three ways, each twice. A fault is injected into the compiled modules before they are installed.

import { cpSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fixture, temporaryFolder, write } from './support/programs';
import { LEAK, ROOT, type RunResult, run, tool } from './support/run';

const LIST = JSON.stringify(tool('list-all-fds'));
/** What the programs of test/fixtures take. */
const TOOLS = { LEAK, LIST: tool('list-all-fds') };
const RULE = { caller: '.', kinds: ['fd'], fds: [3], effect: 'allow', reason: 'test' };

const program = (designated: string): string =>
  `const designated = [${designated}];\n${fixture('spawn-three-ways.js')}`;

const APP = program(`require('node:fs').openSync(__filename)`);
/** Designates nothing: then a spawn is judged as the last one from the same place. */
const PLAIN = program('');

type Fds = readonly (number | string)[];
const STDIO: Fds = [0, 1, 2];
/** FD 3 is denied. */
const DENIED_3: Fds = [...STDIO, '3 placeholder'];
const ALLOWED: Fds = [0, 1, 2, 3];
const DENIED = 'ERR_CLOSEFDS_DENIED';

interface Fault {
  /** In words. */
  readonly at: string;
  /** Done to `on(module)`, the exports of a file of dist/src; `boom` throws. */
  readonly inject: string;
  /** What each child has in `enforce`. */
  readonly child: Fds;
  /** What comes of each spawn in `strict`. Default: it is refused, for FD 40. */
  readonly strict?: Fds;
  /** How often something is reported of closefds itself. */
  readonly reports?: number;
  /** Default: the one that designates FD 3. */
  readonly app?: string;
}

/** Nothing is known of the spawn then, so nothing is kept that has to be judged. */
function unjudged(at: string, inject: string, reports?: number): Fault {
  return { at, inject, child: DENIED_3, strict: DENIED_3, ...(reports !== undefined && { reports }) };
}

/** There is no FD 3 to deny. */
const PLAIN_CASE = { child: STDIO, strict: STDIO, app: PLAIN };

const guardWith = (parts: string): string => `
  const { loadStrayGuard } = on('strays/native-guard');
  on('strays/native-guard').loadStrayGuard = root => ({ ...loadStrayGuard(root), ${parts} });`;

const cacheWith = (method: string): string =>
  `on('spawn/decision-cache').DecisionCache.prototype.${method} = boom;`;

const FAULTS: readonly Fault[] = [
  // Nothing can be read then, and nothing designated passes.
  {
    at: 'loading what guards calls',
    inject: `on('preload/first-call').prepareCalls = boom;`,
    child: DENIED_3,
    strict: [DENIED],
  },
  unjudged('loading the spawn guard', `on('preload/first-finding').createRealGuard = boom;`),
  unjudged('making the finder of callers', `on('callers/find-caller').createCallerFinder = boom;`),
  unjudged('making the watch for strays', `on('strays/stray-scan').createStrayScan = boom;`),
  unjudged('asking what rules speak of', `on('policy/rule').judgesStrays = boom;`),
  // The same step fails again where the rest of the fall-back looks for masks to make.
  unjudged('looking for strays', guardWith('list: boom'), 2),
  unjudged('describing what is listed', `on('strays/describe-fd').describeFd = boom;`, 2),
  {
    at: 'finding the caller',
    inject: `on('callers/find-caller').createCallerFinder = () => boom;`,
    child: DENIED_3,
  },
  unjudged('naming the call site', `on('model/caller').callSite = boom;`),
  {
    at: 'asking whether anything is designated',
    inject: `on('model/stdio').hasMoreThanStdio = boom;`,
    child: ALLOWED,
  },
  unjudged('reading the request', `on('model/spawn-request').toRequest = boom;`),
  unjudged('ordering the policy', `on('policy/rule').policyOf = boom;`),
  unjudged('deciding', `on('policy/evaluate').evaluate = boom;`),
  unjudged('deciding, and throwing null', `on('policy/evaluate').evaluate = () => { throw null; };`),
  unjudged('disposing', `on('policy/apply-mode').applyMode = boom;`),
  { at: 'applying', inject: `on('spawn/plan').toPlan = boom;`, child: DENIED_3 },
  { at: 'recording', inject: `on('findings/finding').record = boom;`, child: ALLOWED },
  {
    at: 'finding an announcement',
    inject: `on('findings/announcement').findAnnouncement = boom;`,
    child: ALLOWED,
  },
  { at: 'naming the opener', inject: `on('policy/known-openers').findOpener = boom;`, child: ALLOWED },
  {
    at: 'making a finding',
    inject: `const { record } = on('findings/finding');
      on('findings/finding').record = (...all) => record(...all).map(pending => ({ ...pending, make: boom }));`,
    child: ALLOWED,
  },
  {
    at: 'noting offsets',
    inject: `on('spawn/offset-watch').createOffsetWatch = () => boom;`,
    child: ALLOWED,
  },
  {
    at: 'looking for use',
    inject: `on('spawn/offset-watch').createOffsetWatch = () => () => boom;`,
    child: ALLOWED,
  },
  unjudged('watching for use', `on('spawn/offset-watch').createOffsetWatch = boom;`),
  {
    at: 'watching exits',
    inject: `on('spawn/exit-watch').createExitWatches = () => ({ of: boom, start: () => undefined });`,
    child: ALLOWED,
  },
  {
    at: 'watching an exit',
    inject: `on('spawn/exit-watch').createExitWatches = () => ({ of: () => [], start: boom });`,
    child: ALLOWED,
  },
  {
    at: 'noting an exit',
    inject: `on('spawn/exit-watch').createExitWatches = () => ({ of: () => [], start: () => boom });`,
    child: ALLOWED,
  },
  unjudged('making the watch of exits', `on('spawn/exit-watch').createExitWatches = boom;`),
  // The warning comes all the same.
  { at: 'making a record', inject: `on('findings/record').toRecord = boom;`, child: ALLOWED },
  { at: 'writing a record', inject: `on('findings/record').toLine = boom;`, child: ALLOWED },
  {
    at: 'writing the report file',
    inject: `on('findings/report-file').createReportFile = () => ({ append: boom, isBehind: boom });`,
    child: ALLOWED,
  },
  // Nothing can be reported then.
  {
    at: 'writing a sentence',
    inject: `on('findings/message').toMessage = boom;`,
    child: ALLOWED,
    reports: 0,
  },
  { at: 'warning', inject: `on('findings/warning').createWarner = boom;`, child: ALLOWED, reports: 0 },
  {
    at: 'loading the reporter',
    inject: `on('findings/reporter').createReporter = boom;`,
    child: ALLOWED,
    reports: 0,
  },
  { at: 'saying why', inject: `on('findings/message').toRefusal = boom;`, child: ALLOWED, reports: 0 },
  { at: 'reading the compat table', inject: `on('policy/compat-table').loadCompat = boom;`, child: ALLOWED },
  // What is left of the guard is the child handler, which marks in every fork.
  { at: 'beginning a spawn', inject: guardWith('begin: boom'), child: ALLOWED },
  { at: 'ending a spawn', inject: guardWith('end: boom'), child: ALLOWED },
  // In three functions, each of which tells of it; told once for the step.
  { at: 'reading the options', inject: `on('spawn/stdio-option').readStdio = boom;`, child: ALLOWED },
  {
    at: 'reading marks of designation',
    inject: `const { peek } = on('spawn/stdio-option');
      on('spawn/stdio-option').peek = (options, key) => (typeof key === 'symbol' ? boom() : peek(options, key));`,
    child: ALLOWED,
  },
  { ...unjudged('making a memory', `on('spawn/decision-cache').DecisionCache = boom;`), ...PLAIN_CASE },
  { ...unjudged('recalling', cacheWith('get')), ...PLAIN_CASE },
  { at: 'keeping in mind', inject: cacheWith('set'), child: STDIO, app: PLAIN },
  // The report itself is broken, so nothing can be reported.
  {
    at: 'reporting what recurs',
    inject: `const { createReporter } = on('findings/reporter');
      on('findings/reporter').createReporter = (...all) => {
        return Object.assign(createReporter(...all), { reportRepeats: boom });
      };`,
    child: STDIO,
    reports: 0,
    app: PLAIN,
  },
  // Of what is thrown, nothing can be assumed.
  unjudged(
    'deciding, and throwing what cannot be read',
    `on('policy/evaluate').evaluate = () => { throw odd; };`,
  ),
  {
    at: 'finding the caller, and throwing a revoked proxy',
    inject: `on('callers/find-caller').createCallerFinder = () => () => { throw revoked; };`,
    child: DENIED_3,
  },
];

for (const { at, inject, child, strict = [DENIED], reports = 1, app = APP } of FAULTS) {
  const results = (result: Fds) => (result[0] === DENIED ? Array(6).fill(DENIED) : Array(6).fill(result));

  test(`a fault at ${at}: enforce closes`, async t => {
    const result = await start(t, inject, 'enforce', app);
    t.deepEqual(JSON.parse(result.stdout), results(child));
    t.is(selfReports(result).length, reports, result.stderr);
    t.is(result.code, 0);
  });

  test(`a fault at ${at}: strict refuses or closes`, async t => {
    const result = await start(t, inject, 'strict', app);
    t.deepEqual(JSON.parse(result.stdout), results(strict));
  });

  test(`a fault at ${at}: warn changes nothing`, async t => {
    const result = await start(t, inject, 'warn', app);
    t.deepEqual(JSON.parse(result.stdout), results(app === PLAIN ? [0, 1, 2, 40] : [0, 1, 2, 3, 40]));
  });
}

test('without a fault, enforce closes and reports nothing of itself', async t => {
  const result = await start(t, '', 'enforce');
  t.deepEqual(JSON.parse(result.stdout), Array(6).fill(ALLOWED));
  t.deepEqual(selfReports(result), []);
});

// ---------------------------------------------------------------------------------------------
// With the fallback guard, where closing takes a plan
// ---------------------------------------------------------------------------------------------

const NO_ADDON = `on('strays/native-guard').loadStrayGuard = boom;`;

for (const { at, inject, child } of [
  {
    at: 'loading the spawn guard',
    inject: `on('preload/first-finding').createRealGuard = boom;`,
    child: [0, 1, 2, '3 placeholder', '40 placeholder'],
  },
  {
    at: 'deciding',
    inject: `on('policy/evaluate').evaluate = boom;`,
    child: [0, 1, 2, '3 placeholder', '40 placeholder'],
  },
  { at: 'recording', inject: `on('findings/finding').record = boom;`, child: [0, 1, 2, 3, '40 placeholder'] },
] as const) {
  test(`the fallback guard, and a fault at ${at}: enforce covers`, async t => {
    const result = await start(t, NO_ADDON + inject, 'enforce');
    t.deepEqual(JSON.parse(result.stdout), Array(6).fill(child));
  });
}

test('the fallback guard, and a command that comes from one place again and again: each stray is covered', async t => {
  const app = `
    const { spawnSync } = require('node:child_process');
    require(${JSON.stringify(LEAK)}).open(__filename + '.opened', 40);
    const answers = new Set();
    for (let i = 0; i < 150; i++) answers.add(String(spawnSync(${LIST}).stdout));
    process.stdout.write([...answers].join());`;
  const result = await start(t, NO_ADDON, 'enforce', app);
  t.deepEqual(JSON.parse(result.stdout), [0, 1, 2, '40 placeholder']);
});

const NO_PLACEHOLDER = `${NO_ADDON}
  const { createFallbackGuard } = on('strays/fallback-guard');
  on('strays/fallback-guard').createFallbackGuard = () => ({ ...createFallbackGuard(), placeholder: boom });`;

test('the fallback guard without a placeholder: the spawn goes on, and is reported', async t => {
  const result = await start(t, NO_PLACEHOLDER, 'enforce');
  t.deepEqual(JSON.parse(result.stdout), Array(6).fill([0, 1, 2, 3, 40]));
  t.deepEqual(selfReports(result), ['CLOSEFDS_STAND_IN', 'CLOSEFDS_UNGUARDED']);
});

test('the fallback guard without a placeholder: strict refuses', async t => {
  const result = await start(t, NO_PLACEHOLDER, 'strict');
  t.deepEqual(JSON.parse(result.stdout), Array(6).fill(DENIED));
});

// ---------------------------------------------------------------------------------------------
// What lies around
// ---------------------------------------------------------------------------------------------

const FROZEN = `Object.freeze(require('node:child_process'));`;

test('frozen functions: the start goes on, strays are closed, and each is reported', async t => {
  const result = await start(t, FROZEN, 'enforce');
  t.deepEqual(JSON.parse(result.stdout), Array(6).fill(ALLOWED));
  t.deepEqual([...new Set(selfReports(result))], ['CLOSEFDS_UNGUARDED']);
  t.regex(
    result.stderr,
    /closefds cannot judge calls of spawnSync\(\), since the program does not let it replace that function/,
  );
});

test('frozen functions: strict does not start', async t => {
  const { code, stdout, stderr } = await start(t, FROZEN, 'strict');
  t.deepEqual([code, stdout], [1, '']);
  t.regex(stderr, /ERR_CLOSEFDS_DENIED/);
});

const DAMAGE: Readonly<Record<string, string>> = {
  'the compat index is gone': `fs.rmSync(COPY + '/dist/compat/index.json');`,
  'the compat index is cut off': `fs.truncateSync(COPY + '/dist/compat/index.json', 100);`,
  'the compat index is another file': `fs.writeFileSync(COPY + '/dist/compat/index.json', '{}');`,
  'the whole package is gone': `fs.rmSync(COPY, { recursive: true });`,
};

for (const [what, damage] of Object.entries(DAMAGE)) {
  test(`after the start, ${what}: enforce closes, rules apply, and nothing is reported of closefds`, async t => {
    const { folder, copy, register } = copyOf(t);
    const first = damage.replaceAll('COPY', JSON.stringify(copy));
    const app = writeApp(folder, `{ const fs = require('node:fs'); ${first} }${APP}`);
    const result = await run(app, { nodeArgs: ['--require', register], env: TOOLS });
    t.deepEqual(JSON.parse(result.stdout), Array(6).fill(ALLOWED), result.stderr);
    t.deepEqual(selfReports(result), []);
  });
}

/** What a program may do to its own process before it starts another. */
const CHANGES: Readonly<Record<string, string>> = {
  'no performance': 'delete globalThis.performance;',
  'a clock that throws': `performance.now = () => { throw new Error('no'); };`,
  'a clock that stands': 'performance.now = () => 0;',
  'vm.compileFunction replaced': `require('node:vm').compileFunction = () => { throw new Error('no'); };`,
};

for (const [what, change] of Object.entries(CHANGES)) {
  test(`after the start, ${what}: enforce closes, and nothing is reported of closefds`, async t => {
    const folder = temporaryFolder(t);
    const app = writeApp(folder, change + APP);
    const result = await run(app, { env: TOOLS });
    t.deepEqual(JSON.parse(result.stdout), Array(6).fill(ALLOWED), result.stderr);
    t.deepEqual(selfReports(result), []);
  });
}

test('a program that mocks the file system before its first spawn: enforce closes, and the caller is named', async t => {
  const app = `
    const { spawnSync } = require('node:child_process');
    const fs = require('node:fs');
    const { openSync, writeSync } = fs;
    for (const name of Object.keys(fs).filter(name => name.endsWith('Sync')))
      fs[name] = () => { throw Object.assign(new Error('no such file'), { code: 'ENOENT' }); };
    const stdio = ['ignore', 'pipe', 'inherit', openSync(__filename), 'pipe'];
    writeSync(1, spawnSync(${LIST}, { stdio }).stdout);`;
  const result = await run(writeApp(temporaryFolder(t), app));
  // A rule for the app allows FD 3.
  t.deepEqual(JSON.parse(result.stdout), [0, 1, 2, 3, '4 placeholder'], result.stderr);
  t.deepEqual(selfReports(result), []);
});

test('at the end of the stack: what is denied does not pass', async t => {
  const app = fixture('spawn-at-stack-end.js');
  const result = await run(writeApp(temporaryFolder(t), app), { env: TOOLS });
  t.deepEqual(JSON.parse(result.stdout), [...STDIO, '4 placeholder'], result.stderr);
});

const NO_FD_FOR_A_WORKER = `
  const { openSync, closeSync } = require('node:fs');
  const { Worker } = require('node:worker_threads');
  require(${JSON.stringify(LEAK)}).limit(64);
  const program = 'process.exitCode = Number(globalThis[Symbol.for("closefds.installed")] !== undefined)';
  const start = () => new Worker(program, { eval: true, execArgv: [], env: {} });
  const fds = [];
  try { for (;;) fds.push(openSync('/dev/null')); } catch {}
  try { start().on('error', () => {}); } catch {}
  for (const fd of fds) closeSync(fd);
  setTimeout(() => start().on('exit', code => process._rawDebug('installed', code)), 100);`;

test('a worker for which no FD was left: the next one has closefds', async t => {
  const result = await run(writeApp(temporaryFolder(t), NO_FD_FOR_A_WORKER));
  t.regex(result.stderr, /installed 1/);
});

const WORKER = `
  const { Worker } = require('node:worker_threads');
  new Worker("process._rawDebug('it runs')", { eval: true, execArgv: [] }).on('exit', code => process._rawDebug('exit', code));`;

test('after the start, the whole package is gone: a worker runs, and it is reported that it does without', async t => {
  const { folder, copy, register } = copyOf(t);
  const app = writeApp(
    folder,
    `require('node:fs').rmSync(${JSON.stringify(copy)}, { recursive: true }); ${WORKER}`,
  );
  const result = await run(app, { nodeArgs: ['--require', register], env: TOOLS });
  t.regex(result.stderr, /it runs\n.*exit 0/s);
  t.deepEqual(selfReports(result), ['CLOSEFDS_UNGUARDED']);
});

/** The package as it is installed, and to be damaged. */
function copyOf(t: ExecutionContext): { folder: string; copy: string; register: string } {
  const folder = temporaryFolder(t);
  const copy = path.join(folder, 'closefds');
  for (const part of ['dist/register', 'dist/compat', 'prebuilds'])
    cpSync(path.join(ROOT, part), path.join(copy, part), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
  return { folder, copy, register: path.join(copy, 'dist', 'register', 'index.js') };
}

function start(t: ExecutionContext, inject: string, mode: string, text = APP): Promise<RunResult> {
  const folder = temporaryFolder(t);
  const fault = write(folder, {
    'fault.js': `
      const on = name => require(${JSON.stringify(path.join(ROOT, 'dist', 'src'))} + '/' + name + '.js');
      const boom = () => { throw new Error('injected'); };
      const odd = Object.assign(Object.create(null), { toString: boom });
      const { proxy: revoked, revoke } = Proxy.revocable({}, {});
      revoke();
      ${inject}
      on('preload/install').install();`,
  });
  const app = writeApp(folder, text);
  const env = { ...TOOLS, CLOSEFDS_MODE: mode, CLOSEFDS_REPORT: path.join(folder, 'report') };
  return run(app, { nodeArgs: ['--require', fault], env });
}

function writeApp(folder: string, text: string): string {
  return write(folder, {
    'app/app.js': text,
    'app/package.json': '{"name": "app"}',
    'app/closefds.json': JSON.stringify({ rules: [RULE] }),
  });
}

/** The codes of what closefds tells of itself, in the order of telling. */
function selfReports({ stderr }: RunResult): string[] {
  const codes = [...stderr.matchAll(/^\(node:\d+\) \[(CLOSEFDS_\w+)\]/gm)].map(match => match[1] ?? '');
  return codes.filter(code => !['CLOSEFDS_STRAY', 'CLOSEFDS_DESIGNATED'].includes(code));
}
