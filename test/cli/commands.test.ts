// The commands, as a user calls them.

import { chmodSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, type RunResult, run, runCommand } from '../support/run';

const MAIN = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

function closefds(args: readonly string[], cwd: string): Promise<RunResult> {
  return run(MAIN, { nodeArgs: [], args, cwd });
}

const app = (files: Readonly<Record<string, string>>) => ({ 'package.json': '{"name": "app"}', ...files });
const installed = (name: string, version: string) => ({
  [`node_modules/${name}/package.json`]: JSON.stringify({ name, version }),
});
const rules = (...list: object[]) => ({ 'closefds.json': JSON.stringify({ rules: list }) });
const SPAWNS = `require('node:child_process').spawnSync('true', { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });`;
const allow = { effect: 'allow', reason: 'r', fds: [3] };

// ---------------------------------------------------------------------------------------------
// Wrong calls
// ---------------------------------------------------------------------------------------------

for (const { args, message } of [
  { args: ['nonsense'], message: /expected a command \(.*check, .*\), found "nonsense"/ },
  { args: ['chekc'], message: /found "chekc" \(did you mean "check"\?\)\. See/ },
  { args: ['check', '--formt', 'json'], message: /found "--formt" \(did you mean "--format"\?\)\. See/ },
  {
    args: ['check', '--format=jsn'],
    message: /expected text or json after --format, found "jsn" \(did you mean "json"\?\)/,
  },
  {
    args: ['scan', '--format', 'table'],
    message: /expected text, json or sarif after --format, found "table"/,
  },
  {
    args: ['audit', '--output', 'x', 'y'],
    message: /expected --report, --mode or --config, found "--output"/,
  },
  { args: ['doctor', 'x'], message: /expected no argument beside the options, found "x"/ },
  { args: ['check', '.', '..'], message: /expected one FOLDER, found 2/ },
  { args: ['check', 'nowhere'], message: /expected a folder or a report file, found nothing at nowhere\./ },
  { args: ['check', '--format', 'yaml'], message: /expected text or json after --format, found "yaml"/ },
  { args: ['check', '--nonsense'], message: /expected --config, --format or --help, found "--nonsense"/ },
  { args: ['check', '--config'], message: /Option '--config <value>' argument missing/ },
  { args: ['help', 'nonsense'], message: /expected a command \(.*\), found "nonsense"/ },
  {
    args: ['explain', '--fd', '3'],
    message: /expected --call-site FILE\[:LINE\] or --findings FILE beside --fd, found neither/,
  },
  { args: ['explain', '--call-site', 'a.js'], message: /expected --fd N beside --call-site, found none/ },
  {
    args: ['explain', '--call-site', 'a.js', '--fd', 'x'],
    message: /expected a number after --fd, found "x"/,
  },
  {
    args: ['explain', '--call-site', ':1', '--fd', '3'],
    message: /expected FILE or FILE:LINE after --call-site, found ":1"/,
  },
  {
    args: ['explain', '--call-site', 'a.js', '--fd', '3', '--kind', 'pip'],
    message: /expected fd, pipe, ipc or stray after --kind, found "pip" \(did you mean "pipe"\?\)/,
  },
  { args: ['explain', 'tsx', '--fd', '3'], message: /expected PACKAGE or --fd, found both "tsx" and --fd/ },
  { args: ['explain', '--findings', 'nowhere'], message: /nowhere cannot be read: there is no such file/ },
  { args: ['explain', 'a', 'b'], message: /expected one PACKAGE\[@VERSION\], found 2/ },
  {
    args: ['explain', 'a@latest'],
    message: /expected a whole version like 1\.2\.3 after "a@", found "latest"/,
  },
  { args: ['explain', '@'], message: /expected PACKAGE or PACKAGE@VERSION, found "@"/ },
  { args: ['explain', 'x y'], message: /expected PACKAGE or PACKAGE@VERSION, found "x y"/ },
  { args: ['explain', '@a'], message: /expected PACKAGE or PACKAGE@VERSION, found "@a"/ },
  {
    args: ['explain', 'a@1.2.3.4'],
    message: /expected a whole version like 1\.2\.3 after "a@", found "1\.2\.3\.4"/,
  },
  { args: ['completion'], message: /expected one of bash, zsh, fish, found nothing/ },
  { args: ['completion', 'tcsh'], message: /expected one of bash, zsh, fish, found "tcsh"/ },
  { args: ['doctor', '--format', 'yaml'], message: /expected text or json after --format, found "yaml"/ },
  { args: ['run'], message: /expected a COMMAND to run, found none/ },
  {
    args: ['run', '--mod', 'warn', 'x'],
    message:
      /expected --mode, --config, --report, --warnings, --baseline, --fail-on or --write-baseline, found "--mod" \(did you mean "--mode"\?\)/,
  },
  { args: ['run', '--mode', 'wran', 'x'], message: /after --mode, found "wran" \(did you mean "warn"\?\)/ },
  { args: ['run', '--report', '--', 'x'], message: /expected a value after --report, found "--"/ },
  {
    args: ['run', '--report', '--mode', 'warn', 'x'],
    message: /expected a value after --report, found "--mode"/,
  },
  {
    args: ['run', '--warnings', 'none', 'x'],
    message: /expected stderr or report after --warnings, found "none"/,
  },
] as const) {
  test(`wrong: closefds ${args.join(' ')}`, async t => {
    const { code, stdout, stderr } = await closefds(args, temporaryFolder(t));
    t.deepEqual([code, stdout], [2, '']);
    t.regex(stderr, message);
    t.regex(stderr, /See "closefds (?:\w+ )?--help"\.\n$/);
  });
}

// ---------------------------------------------------------------------------------------------
// What all commands have in common
// ---------------------------------------------------------------------------------------------

const NAMES = [
  'audit',
  'check',
  'compat',
  'completion',
  'doctor',
  'explain',
  'init',
  'learn',
  'report',
  'run',
  'scan',
];

for (const name of NAMES) {
  test(`help: ${name}, with examples`, async t => {
    const folder = temporaryFolder(t);
    const calls = [
      [name, '--help'],
      [name, '-h'],
      ['help', name],
      // What stands behind a COMMAND is the command's own.
      ...(name === 'run' || name === 'audit' ? [] : [[name, 'x', '--help']]),
    ];
    const results = await Promise.all(calls.map(args => closefds(args, folder)));
    t.deepEqual([...new Set(results.map(({ code, stderr }) => `${code}${stderr}`))], ['0']);
    const texts = [...new Set(results.map(({ stdout }) => stdout))];
    t.is(texts.length, 1);
    t.regex(texts[0] ?? '', new RegExp(`^closefds ${name}[ \\n]`));
    t.regex(texts[0] ?? '', /\n\n(?: {2}(?:closefds|source|[^\n]*\| closefds) .*\n)+$/);
  });
}

for (const { args, code } of [
  { args: ['--help'], code: 0 },
  { args: ['check', 'wrong'], code: 1 },
  { args: ['explain', 'tsx'], code: 0 },
  { args: ['learn', 'findings.ndjson'], code: 0 },
  { args: ['completion', 'bash'], code: 0 },
  { args: ['nonsense'], code: 2 },
] as const) {
  test(`a reader that is gone is no error: closefds ${args.join(' ')}`, async t => {
    const folder = temporaryFolder(t);
    write(folder, { 'findings.ndjson': '', 'wrong/closefds.json': '{', 'wrong/package.json': '{}' });
    // The pipe has no reader when the command begins to write.
    const script = `(sleep 0.2; "$@"; echo "$?" >&3) 3>code | true`;
    const { stderr } = await runCommand(['sh', '-c', script, 'bash', process.execPath, MAIN, ...args], {
      cwd: folder,
    });
    t.false(/EPIPE|at /.test(stderr), stderr);
    t.is(readFileSync(path.join(folder, 'code'), 'utf8').trim(), String(code));
  });
}

test('a disk that is full is an error, said in one line', async t => {
  const script = '"$0" "$@" > /dev/full';
  const { code, stderr } = await runCommand(['sh', '-c', script, process.execPath, MAIN, 'explain', 'tsx'], {
    cwd: temporaryFolder(t),
  });
  t.is(code, 1);
  t.regex(stderr, /^closefds: stdout cannot be written: ENOSPC.*\n$/);
});

// ---------------------------------------------------------------------------------------------
// check
// ---------------------------------------------------------------------------------------------

for (const { title, files, expected, exit } of [
  { title: 'no config', files: {}, expected: /^No config was found/, exit: 0 },
  {
    title: 'fine',
    files: { ...rules({ ...allow, caller: 'a' }), ...installed('a', '1.0.0') },
    expected: /, no problems\.\n$/,
    exit: 0,
  },
  {
    title: 'wrong',
    files: { 'closefds.json': '{"mode": "of"}' },
    expected: /^wrong: .*closefds\.json#\/mode: expected "off", /,
    exit: 1,
  },
  {
    title: 'not installed',
    files: { ...rules({ ...allow, caller: 'b' }), ...installed('a', '1.0.0') },
    expected: /^unused {4}.*rules\/0\n/,
    exit: 1,
  },
  {
    title: 'nothing is installed',
    files: rules({ ...allow, caller: 'b' }),
    expected: /Nothing is installed there/,
    exit: 0,
  },
  {
    title: 'in a nested folder',
    files: {
      ...rules({ ...allow, caller: '@s/b' }),
      ...installed('a/node_modules/@s/b', '1.0.0'),
      ...installed('a', '1.0.0'),
    },
    expected: /no problems/,
    exit: 0,
  },
  {
    title: 'in the store of pnpm',
    files: { ...rules({ ...allow, caller: 'b' }), ...installed('.pnpm/b@1.0.0/node_modules/b', '1.0.0') },
    expected: /no problems/,
    exit: 0,
  },
  {
    title: 'Yarn PnP',
    files: {
      ...rules({ ...allow, caller: 'b', range: '^1' }, { ...allow, caller: 'c' }),
      '.pnp.cjs': `const RAW_RUNTIME_STATE =\n'{"packageRegistryData": [["b", [["npm:1.2.0", {\\\n"packageLocation": "./it\\'s/"}]]]]}';`,
    },
    expected: /^unused {4}.*rules\/1\n.*\n2 rules in .*: 1 to look at\.\n$/,
    exit: 1,
  },
  {
    title: 'in the candidate',
    files: { 'closefds.json': '{"candidate": {"rules": [{"effect": "allow", "fds": [3], "reason": "r"}]}}' },
    expected: /^wide {6}.*candidate\/rules\/0/,
    exit: 1,
  },
] as const) {
  test(`check: ${title}`, async t => {
    const folder = temporaryFolder(t);
    write(folder, app(files));
    const { code, stdout, stderr } = await closefds(['check'], folder);
    t.regex(stdout, expected);
    t.deepEqual([code, stderr], [exit, '']);
  });
}

test('check as JSON, of another folder and config', async t => {
  const folder = temporaryFolder(t);
  write(folder, { ...app({}), 'other.json': '{"rules": [{"effect": "allow", "fds": [3], "reason": "r"}]}' });
  const { code, stdout } = await closefds(
    ['check', '--format=json', '--config', path.join(folder, 'other.json'), folder],
    '/',
  );
  const report = JSON.parse(stdout) as { remarks: { problem: string }[]; rules: number };
  t.deepEqual([code, report.rules, report.remarks.map(({ problem }) => problem)], [1, 1, ['wide']]);
});

// ---------------------------------------------------------------------------------------------
// explain
// ---------------------------------------------------------------------------------------------

const DEFAULTS = [
  'message channels pass',
  'open FDs and new pipes (designated by withFds()) pass',
  'open FDs (to the null device) pass',
  'all other FDs are closed and reported',
];

for (const { title, files, subject, expected } of [
  { title: 'a package nobody knows', files: {}, subject: 'nobody-knows@1.0.0', expected: DEFAULTS },
  {
    title: 'the compat table',
    files: {},
    subject: 'tsx@4.23.0',
    expected: ['message channels at FD 3 pass', ...DEFAULTS],
  },
  {
    title: 'a rule before it',
    files: rules(
      { ...allow, caller: 'a', range: '^1', command: 'x*' },
      { ...allow, caller: 'a', range: '^2' },
    ),
    subject: 'a@1.1.0',
    expected: ['open FDs, new pipes and message channels at FD 3 (for the command "x*") pass', ...DEFAULTS],
  },
  {
    title: 'a rule that settles all but strays',
    files: rules({ caller: 'a', effect: 'deny' }, { caller: '*', effect: 'warn' }),
    subject: 'a@1.1.0',
    expected: ['open FDs, new pipes and message channels are closed and reported', DEFAULTS[3]],
  },
  {
    title: 'the installed version',
    files: { ...installed('a', '2.0.0'), ...rules({ ...allow, caller: 'a', range: '^1' }) },
    subject: 'a',
    expected: DEFAULTS,
  },
  {
    title: 'no version at all',
    files: rules({ ...allow, caller: 'a', range: '^1' }),
    subject: 'a',
    expected: ['open FDs, new pipes and message channels at FD 3 pass (versions ^1)', ...DEFAULTS],
  },
] as const) {
  test(`explain: ${title}`, async t => {
    const folder = temporaryFolder(t);
    write(folder, app(files));
    const { code, stdout } = await closefds(['explain', '--format', 'json', subject], folder);
    const [{ rules: explained = [] } = {}] = JSON.parse(stdout) as { rules?: { words: string }[] }[];
    const isDoubtful = subject.startsWith('nobody');
    t.deepEqual([code, explained.map(({ words }) => words)], [isDoubtful ? 1 : 0, [...expected] as string[]]);
  });
}

for (const { subject, note } of [
  { subject: 'cross-spawn@7.0.6', note: /\n {2}launches\n {4}versions/ },
  { subject: 'lmdb@3.5.6', note: /\n {2}leaves open \*\*\/data\.mdb \(file, read-write\)\n/ },
  { subject: 'tsx@99.0.0', note: /knows other versions of it: .*4\.23/ },
  {
    subject: '@backstage/cli@0.30.0',
    note: /\n {4}versions {4}>=0\.22\.2 <0\.36\.0\n[\s\S]*\n {2}Version 0\.36\.\d+, which is not in such a range, was looked through on .*, and passes nothing\.\n$/,
  },
  {
    subject: '@modelcontextprotocol/sdk',
    note: /\n {2}Version \S+ was looked through on \d{4}-\d\d-\d\d, and passes nothing\.\n$/,
  },
] as const) {
  test(`explain: what is known of ${subject}`, async t => {
    const { stdout } = await closefds(['explain', subject], temporaryFolder(t));
    t.regex(stdout, note);
  });
}

for (const { title, subject, files, expected } of [
  { title: 'a name with a mistake', subject: 'pupeteer', files: {}, expected: true },
  { title: 'the app', subject: '.', files: {}, expected: false },
  { title: 'installed', subject: 'a', files: installed('a', '1.0.0'), expected: false },
  { title: 'in the config', subject: 'a', files: rules({ ...allow, caller: 'a' }), expected: false },
  { title: 'in the table', subject: 'tsx', files: {}, expected: false },
  {
    title: 'looked through, and passes nothing',
    subject: '@modelcontextprotocol/sdk',
    files: {},
    expected: false,
  },
] as const) {
  test(`explain: does anybody know it: ${title}`, async t => {
    const folder = temporaryFolder(t);
    write(folder, app(files));
    const { code, stdout } = await closefds(['explain', subject], folder);
    t.deepEqual([code, stdout.split('\n')[0]?.includes('is the name right?')], [expected ? 1 : 0, expected]);
  });
}

test('explain: a candidate is named', async t => {
  const folder = temporaryFolder(t);
  write(folder, app({ 'closefds.json': '{"candidate": {}}' }));
  const { stdout } = await closefds(['explain', 'tsx'], folder);
  t.regex(stdout, /A candidate policy is judged beside this one .*closefds\.json\)/);
});

test('explain: a wrong config is said, without a stack', async t => {
  const folder = temporaryFolder(t);
  write(folder, app({ 'closefds.json': '{' }));
  const { code, stderr } = await closefds(['explain', 'a'], folder);
  t.is(code, 1);
  t.regex(stderr, /^closefds: \S+closefds\.json: not valid JSON: .*\n$/);
});

// ---------------------------------------------------------------------------------------------
// completion, the manual page
// ---------------------------------------------------------------------------------------------

const COMPLETE = `
  source "$0"
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
  _closefds; printf '%s\\n' "\${COMPREPLY[@]}"
`;

for (const { words, expected } of [
  { words: ['closefds', 'expl'], expected: ['explain'] },
  { words: ['closefds', 'check', '--f'], expected: ['--format'] },
  {
    words: ['closefds', 'check', '--format', ''],
    expected: ['text', 'json'],
  },
  { words: ['closefds', 'run', '--mode', 's'], expected: ['strict'] },
  {
    words: ['closefds', 'scan', '--format', ''],
    expected: ['text', 'json', 'sarif'],
  },
  {
    words: ['closefds', 'scan', '--show', ''],
    expected: ['certain', 'likely', 'possible'],
  },
  { words: ['closefds', 'scan', '--fail-on', 'c'], expected: ['certain'] },
  { words: ['closefds', 'check', 'dat'], expected: ['data'] },
  { words: ['closefds', 'check', '--config', 'dat'], expected: ['data'] },
  { words: ['closefds', 'check', 'two'], expected: ['two words'] },
  { words: ['closefds', 'learn', '--write', '--sc'], expected: ['--scan'] },
  {
    words: ['closefds', 'completion', ''],
    expected: ['bash', 'zsh', 'fish'],
  },
  { words: ['closefds', 'help', 'rep'], expected: ['report'] },
] as const) {
  test(`bash completes "${words.join(' ')}"`, async t => {
    const folder = temporaryFolder(t);
    const { stdout: script } = await closefds(['completion', 'bash'], folder);
    write(folder, { 'completion.bash': script, data: '', 'two words': '' });
    const { stdout } = await runCommand(['bash', '-c', COMPLETE, './completion.bash', ...words], {
      cwd: folder,
    });
    t.deepEqual(stdout.trim().split('\n'), [...expected] as string[]);
  });
}

for (const shell of ['zsh', 'fish']) {
  test(`${shell} gets every command and its options`, async t => {
    const folder = temporaryFolder(t);
    const { stdout: overview } = await closefds(['--help'], folder);
    const { stdout } = await closefds(['completion', shell], folder);
    const names = [...overview.matchAll(/^ {2}(\w+) {2,}/gm)].map(([, name = '']) => name);
    t.true(names.length > 4);
    for (const name of [...names, 'format', 'enforce']) t.regex(stdout, new RegExp(`\\b${name}\\b`));
  });
}

test('the manual page has every command', async t => {
  const { stdout: overview } = await closefds(['--help'], temporaryFolder(t));
  const names = [...overview.matchAll(/^ {2}(\w+) {2,}/gm)].map(([, name = '']) => name);
  const page = readFileSync(path.join(ROOT, 'dist', 'man', 'closefds.1'), 'utf8');
  t.deepEqual(
    [...page.matchAll(/^\.SS (\S+)$/gm)].map(([, name]) => name),
    names,
  );
});

// ---------------------------------------------------------------------------------------------
// Places that cannot be written
// ---------------------------------------------------------------------------------------------

const USED = JSON.stringify({
  closefds: 1,
  time: '2026-11-27T00:00:00.000Z',
  pid: 1,
  thread: 0,
  mode: 'warn',
  code: 'CLOSEFDS_DESIGNATED',
  disposition: 'passed',
  kind: 'fd',
  childFd: 3,
  route: 'spawn',
  command: 'x',
  caller: { package: 'a', version: '1.0.0', fileInPackage: 'b.js', line: 1 },
  used: true,
  use: { verdict: 'used' },
  count: 1,
});

for (const { args, why } of [
  { args: ['learn', '--write', 'findings.ndjson'], why: 'FOLDER/closefds.json cannot be written' },
  {
    args: ['learn', '--write', '--config', 'closefds.json/x', 'findings.ndjson'],
    why: 'FOLDER/closefds.json/x',
  },
  {
    args: ['scan', '--no-cache', '--write-baseline', '--baseline', 'baseline.json'],
    why: 'the baseline baseline.json cannot be written',
  },
  {
    args: ['scan', '--no-cache', '--write-baseline', '--baseline', 'no/baseline.json'],
    why: 'the baseline no/baseline.json cannot be written: there is no such file',
  },
  { args: ['report', '--html', 'page.html', 'findings.ndjson'], why: 'page.html cannot be written' },
  { args: ['audit', '--report', 'audit.ndjson', 'true'], why: 'audit.ndjson' },
]) {
  test(`an unwritable place is one sentence and exit code 2: closefds ${args.join(' ')}`, async t => {
    const folder = temporaryFolder(t);
    write(folder, { ...app({ 'app.js': '' }), 'findings.ndjson': `${USED}\n` });
    chmodSync(folder, 0o555);
    const isRoot = process.getuid?.() === 0;
    // Root may write everywhere.
    const user = isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
    const command = [...user, process.execPath, MAIN, ...args];
    const { code, stdout, stderr } = await runCommand(command, {
      cwd: folder,
      env: { NODE_V8_COVERAGE: '', HOME: folder },
    });
    chmodSync(folder, 0o755);
    t.deepEqual([code, stdout], [2, '']);
    t.is(stderr.split('\n').length, 2, stderr);
    t.true(stderr.includes(why.replace('FOLDER', folder)), stderr);
  });
}

test('a doctor without a folder for temporary files says so', async t => {
  const { code, stderr } = await run(MAIN, {
    nodeArgs: [],
    args: ['doctor'],
    cwd: temporaryFolder(t),
    env: { TMPDIR: '/no/such/folder' },
  });
  t.is(code, 2);
  t.regex(stderr, /^closefds: \/no\/such\/folder\/\S+ cannot be used: there is no such file\. See .*\n$/);
});

// ---------------------------------------------------------------------------------------------
// run --warnings
// ---------------------------------------------------------------------------------------------

const QUIET = ['--report', 'f'];

for (const { args, warned } of [
  { args: ['--mode', 'warn', ...QUIET], warned: false },
  { args: ['--mode', 'warn', ...QUIET, '--warnings', 'stderr'], warned: true },
  { args: ['--mode', 'warn'], warned: true },
  { args: ['--mode', 'enforce', ...QUIET], warned: true },
  { args: ['--mode', 'enforce', ...QUIET, '--warnings', 'report'], warned: false },
]) {
  test(`run ${args.join(' ')} ${warned ? 'prints warnings' : 'leaves stderr as it is'}`, async t => {
    const folder = temporaryFolder(t);
    write(folder, app({ 'app.js': SPAWNS }));
    const result = await closefds(['run', ...args, process.execPath, 'app.js'], folder);
    t.is(result.code, 0);
    t.deepEqual([/\[CLOSEFDS_DESIGNATED\]/.test(result.stderr), result.stderr === ''], [warned, !warned]);
    t.is(existsSync(path.join(folder, 'f')), args.includes('f'));
  });
}
