// Runs real published packages under closefds: npm run verify:packages [-- --install] [--all] [PROGRAM...]
//
// The cases of test/packages/cases.mjs; those that are marked `weekly` only with --all or by name. Each is a
// program that uses the package for what it is for:
//   off      without closefds it works, and a leaker's child inherits exactly what the case says
//   enforce  it works just the same, nothing is reported; a leaker's child has FDs 0, 1 and 2, and the
//            findings name the leaker and its version
//   denied   without the compat table, one that passes FDs is stopped, and the finding names the
//            package, its version, the line and the FD; for a leaker nothing changes
//   audit    under `closefds audit` it works just the same, and each FD was used or not, as the case says
//
// The packages come from npm, in exact versions and without their install scripts, into .cache/packages:
// those of a weekly case into a folder of its own.
// What a machine lacks is skipped with the reason; with --install, root gets it from apt.
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { CASES } from '../../test/packages/cases.mjs';
import { readArguments } from '../compat/read-arguments.mjs';
import { fetchNodes } from './fetch-nodes.mjs';
import { findProgram } from './find-program.mjs';
import { installPackages } from './install-packages.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const REGISTER = path.join(root, 'dist', 'register', 'index.js');
const CLI = path.join(root, 'dist', 'src', 'cli', 'main.js');
const PROGRAMS = path.join(root, 'test', 'packages', 'programs');
const LIST_FDS = path.join(root, 'build', 'list-fds');
/** A browser may be slow. A program whose channel is denied may wait for ever. */
const LIMIT = { off: 60_000, enforce: 60_000, denied: 15_000, audit: 180_000 };
const AT_ONCE = 2;

const { install, all, names } = readArguments('install', 'all');
const unknown = names.filter(name => !CASES.some(({ program }) => program === name));
if (unknown.length > 0) {
  console.error(
    `No such case: ${unknown.join(', ')}; there are ${CASES.map(({ program }) => program).join(', ')}`,
  );
  process.exit(2);
}
const cases = CASES.filter(({ program, weekly }) =>
  names.length === 0 ? all || !weekly : names.includes(program),
);

const machine = findPrograms(install);
const nodes = await findNodes();
const usual = CASES.filter(({ weekly }) => !weekly);

// ---------------------------------------------------------------------------------------------
// What it takes
// ---------------------------------------------------------------------------------------------

/** The programs that cases need: the path of each, or why it is missing. */
function findPrograms(install) {
  const needed = cases.flatMap(({ needs, audited }) => [needs ?? [], audited ? ['strace'] : []].flat());
  return new Map([...new Set(needed)].map(name => [name, findProgram(name, install)]));
}

/** A newer Node from npm, for the packages that do not run on this one. */
async function findNodes() {
  const here = Number.parseInt(process.versions.node, 10);
  const majors = [...new Set(cases.flatMap(({ node }) => node ?? []))].filter(major => major > here);
  const found = new Map([[here, process.execPath]]);
  if (majors.length === 0) return found;
  // One newer Node does for all of them.
  const [[version, binary]] = await fetchNodes([Math.max(...majors)]);
  return found.set(Number.parseInt(version, 10), binary);
}

function nodeFor({ node = 0 }) {
  const [major, binary] = [...nodes].filter(([major]) => major >= node).sort(([a], [b]) => a - b)[0];
  return { major, binary };
}

// ---------------------------------------------------------------------------------------------
// One case
// ---------------------------------------------------------------------------------------------

async function runCase(given) {
  const { major, binary } = nodeFor(given);
  const row = { title: Object.entries(given.installs)[0].join('@'), node: major, steps: {}, problems: [] };
  const missing = given.needs === undefined ? undefined : machine.get(given.needs).missing;
  if (missing !== undefined) return { ...row, skipped: missing };

  const packages = installPackages(given.weekly ? [given] : usual, path.join(root, '.cache', 'packages'));
  const runs = mkdtempSync(path.join(packages, 'run-'));
  const start = Date.now();
  try {
    await runSteps(given, row, { binary, packages, runs });
  } finally {
    rmSync(runs, { recursive: true, force: true, maxRetries: 3 });
  }
  return { ...row, seconds: Math.round((Date.now() - start) / 1000) };
}

async function runSteps(given, row, place) {
  for (const [step, check] of Object.entries(STEPS)) {
    if (!hasStep(given, step)) continue;
    if (step === 'audit' && machine.get('strace').missing !== undefined) {
      row.steps[step] = 'skipped';
      row.note = machine.get('strace').missing;
      continue;
    }
    const result = await runProgram(given, step, place);
    const problem = check(given, result, place);
    row.steps[step] = problem === undefined ? 'ok' : 'FAILED';
    if (problem !== undefined) row.problems.push(`${step}: ${problem}\n${indent(tellResult(result))}`);
  }
}

function hasStep({ denied, audited, prints, leaks }, step) {
  if (step === 'denied') return denied !== undefined || leaks !== undefined;
  if (step === 'audit') return audited !== undefined;
  // Some are there to be audited only.
  return prints !== undefined || leaks !== undefined;
}

/** What is wrong with each step's result, if anything. */
const STEPS = {
  off: (given, result) => wrongEnd(result) ?? wrongOutput(given, result, given.leaks) ?? reported(result, []),

  enforce(given, result) {
    const [leaker] = Object.keys(given.installs);
    const opener = versioned(leaker, given.installs);
    const strays = (given.leaks ?? []).map(target => ({ code: 'CLOSEFDS_STRAY', target, opener }));
    return wrongEnd(result) ?? wrongOutput(given, result, []) ?? reported(result, strays);
  },

  denied(given, result, { packages }) {
    const { denied, prints, installs, leaks } = given;
    if (leaks !== undefined) return STEPS.enforce(given, result);
    const { caller, kind, fds, through, calledBy, startsHere = true } = denied;
    const who = caller === '.' ? 'the app' : versioned(caller, installs);
    const expected = fds.map(fd => ({
      code: 'CLOSEFDS_DESIGNATED',
      ...{ fd, kind, caller: who, through: through && withVersion(through, packages), startsHere },
    }));
    // Who called a package is compared only where the case says it.
    const found = result.findings.map(({ calledBy: found, ...finding }) =>
      calledBy === undefined ? finding : { ...finding, calledBy: found },
    );
    const wanted = expected.map(finding => (calledBy === undefined ? finding : { ...finding, calledBy }));
    const wrong = reported({ findings: found }, wanted);
    return wrong ?? (result.stdout.trim() === prints ? 'it worked all the same' : undefined);
  },

  audit({ audited, prints }, result) {
    const wrong = prints === undefined ? undefined : wrongOutput({ prints }, result);
    const uses = result.records.map(useOf).sort();
    return (
      wrongEnd(result) ??
      wrong ??
      (isDeepStrictEqual(uses, [...audited].sort()) ? undefined : `it found ${JSON.stringify(uses)}`)
    );
  },
};

/** `pipe 3 used by chromium`, `LOCK never touched by ls` */
function useOf({ kind, childFd, target, use }) {
  const name = kind === 'stray' ? path.basename(target) : `${kind} ${childFd}`;
  const { program = 'nobody' } = use.heirs?.[0] ?? use;
  return `${name} ${use.verdict} by ${path.basename(program)}`;
}

function versioned(name, installs) {
  return `${name}@${installs[name]}`;
}

function wrongEnd({ code, signal, late }) {
  if (late) return 'it did not end in time';
  return code === 0 ? undefined : `it ended with ${signal ?? `exit code ${code}`}`;
}

function wrongOutput({ prints, leaks }, { stdout }, targets) {
  if (leaks === undefined)
    return stdout.trim() === prints ? undefined : `it printed ${JSON.stringify(stdout.trim())}`;
  const child = JSON.parse(stdout);
  const expected = [...targets].sort();
  if (!isDeepStrictEqual(child.targets, expected))
    return `beside stdio the child had ${JSON.stringify(child.targets)}, not ${JSON.stringify(expected)}`;
  const isStdio = isDeepStrictEqual(child.fds.slice(0, 3), [0, 1, 2]);
  const extra = child.fds.length - 3;
  return isStdio && extra === targets.length ? undefined : `the child had FDs ${JSON.stringify(child.fds)}`;
}

function reported({ findings }, expected) {
  const sorted = values => values.map(value => JSON.stringify(value)).sort();
  return isDeepStrictEqual(sorted(findings), sorted(expected))
    ? undefined
    : `it reported ${JSON.stringify(findings)}, not ${JSON.stringify(expected)}`;
}

// ---------------------------------------------------------------------------------------------
// Running it
// ---------------------------------------------------------------------------------------------

async function runProgram(given, step, { binary: node, packages, runs }) {
  const folder = path.join(runs, `${given.program}-${step}`);
  cpSync(PROGRAMS, folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{"name": "app", "version": "1.0.0"}');
  const config = path.join(folder, 'closefds.json');
  writeFileSync(config, JSON.stringify(configFor(given, step)));
  // Short, since sockets are made there.
  const temporary = realpathSync(mkdtempSync(path.join(tmpdir(), 'closefds-')));

  const output = path.join(temporary, 'findings.ndjson');
  const through = step === 'audit' ? [node, CLI, 'audit', '--config', config, '--report', output, '--'] : [];
  const command = [...through, node, `${given.program}.mjs`];
  const child = spawn(path.join(root, 'build', 'clean-exec'), command, {
    cwd: folder,
    env: {
      PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}`,
      HOME: temporary,
      TMPDIR: temporary,
      LANG: 'C.UTF-8',
      // For Node as a grandchild too: tsx and npm start one.
      ...(step !== 'audit' && { NODE_OPTIONS: `--require ${JSON.stringify(REGISTER)}` }),
      CLOSEFDS_MODE: step === 'off' ? 'off' : 'enforce',
      CLOSEFDS_CONFIG: config,
      LIST_FDS,
      ...(given.needs && { [given.needs.toUpperCase()]: machine.get(given.needs) }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    const result = await outcomeOf(child, temporary, given.leaks === undefined ? LIMIT[step] : LIMIT.off);
    return { ...result, findings: findingsIn(result.stderr, { packages, runs }), records: recordsIn(output) };
  } finally {
    endRest(temporary);
    rmSync(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

function recordsIn(file) {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line));
}

/** Without the table, and where a channel is what it passes, with a rule against that. */
function configFor({ denied }, step) {
  if (step !== 'denied') return {};
  if (denied === undefined) return { compat: false };
  const { caller, via, kind, callSite } = denied;
  // A rule with via names who called the package.
  const whom = via === undefined ? { caller } : { caller: '.', via };
  const rule = { ...whom, ...(callSite && { callSite }), kinds: [kind], effect: 'deny' };
  return { compat: false, rules: kind === 'ipc' ? [rule] : [] };
}

function outcomeOf(child, mark, limit) {
  return new Promise((resolve, reject) => {
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'])
      child[name].setEncoding('utf8').on('data', text => {
        texts[name] += text;
      });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
      endRest(mark);
    }, limit);
    child.on('error', reject);
    // A process that outlives the program would keep its pipes open.
    child.on('exit', () => setTimeout(() => endRest(mark), 500).unref());
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, late, ...texts });
    });
  });
}

/** Ends the processes that a program left behind. They have the program's TMPDIR, which is unique. */
function endRest(temporary) {
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      if (variables.includes(`TMPDIR=${temporary}`)) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // The process has ended, or belongs to another user.
    }
  }
}

/** The second part are lines about one FD each, where the first names several. */
const WARNING = /\[(CLOSEFDS_\w+)\] ClosefdsWarning: (.*)((?:\n {2}FD .*)*)/g;
const DESIGNATED =
  /^designated FD (\d+) \((.*?)\) was closed: (.*?) starting ".*?" with \w+\(\) at (.+?):(\d+):\d+(?:, through (\S+?))?(?:, called by (.+?) at \S+)?(?:;.*)?$/;
const STRAY =
  /^stray FD \d+ \((?:\w+ )?(\S+?)(?:\[\d+\])?, .*?(?:, most likely by (\S+))?\) was closed: the app /;
const KINDS = { 'a new pipe': 'pipe', 'the message channel': 'ipc' };

function findingsIn(stderr, { packages, runs }) {
  return [...stderr.matchAll(WARNING)]
    .flatMap(([, code, text, fds]) => oneByOne(text, fds).map(one => [code, one]))
    .map(([code, text]) => {
      const [, target, opener] = STRAY.exec(text) ?? [];
      if (target !== undefined) return { code, target: path.basename(target), opener };
      const [, fd, what, caller, file, line, through, calledBy] = DESIGNATED.exec(text) ?? [];
      if (fd === undefined) return { code, text };
      return {
        code,
        ...{
          fd: Number(fd),
          kind: KINDS[what] ?? 'fd',
          caller,
          through: through && withVersion(through, packages),
        },
        calledBy,
        startsHere: startsProcess(path.resolve(runs, file), Number(line)),
      };
    });
}

/** The text of a warning about several FDs as that of one for each. */
function oneByOne(text, fds) {
  const [, kind, rest] = /^(stray|designated) FDs .+? were closed: (.*)$/.exec(text) ?? [];
  if (kind === undefined) return [text];
  return [...fds.matchAll(/FD (\d+): ([^;\n]*)/g)].map(
    ([, fd, what]) => `${kind} FD ${fd} (${what}) was closed: ${rest}`,
  );
}

/** Launchers are named without their versions. */
function withVersion(name, packages) {
  const manifest = path.join(packages, 'node_modules', name, 'package.json');
  return `${name}@${JSON.parse(readFileSync(manifest, 'utf8')).version}`;
}

/** Whether the line that a finding names is one that starts a process. Source maps may name what is not published. */
function startsProcess(file, line) {
  if (!existsSync(file)) return 'not published';
  const text = readFileSync(file, 'utf8').split('\n')[line - 1] ?? '';
  return /spawn|fork|execaNode|foregroundChild/i.test(text);
}

// ---------------------------------------------------------------------------------------------
// Telling
// ---------------------------------------------------------------------------------------------

function tellResult({ code, signal, stdout, stderr }) {
  return `exit ${signal ?? code}\nstdout: ${stdout.trim()}\nstderr: ${stderr.trim().slice(-2000)}`;
}

function indent(text) {
  return text.replace(/^/gm, '    ');
}

function printTable(rows) {
  const steps = Object.keys(STEPS);
  const count = { passed: 0, failed: 0, skipped: 0 };
  console.log(`${'package'.padEnd(34)}Node  ${steps.map(step => step.padEnd(9)).join('')}seconds`);
  for (const { title, node, skipped, seconds, ...row } of rows.sort((a, b) => (a.title < b.title ? -1 : 1))) {
    const outcome = skipped !== undefined ? 'skipped' : row.problems.length === 0 ? 'passed' : 'failed';
    count[outcome] += 1;
    const cells = steps.map(step => (row.steps[step] ?? '-').padEnd(9)).join('');
    const line = `${title.padEnd(34)}${String(node).padEnd(6)}${skipped ? `skipped: ${skipped}` : `${cells}${seconds}`}${row.note ? ` audit skipped: ${row.note}` : ''}`;
    console.log(line.trimEnd());
    for (const problem of row.problems) console.log(`  ${problem}`);
  }
  console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  process.exitCode = count.failed > 0 ? 1 : 0;
}

const rows = [];
const waiting = [...cases];
const work = async () => {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) rows.push(await runCase(next));
};
await Promise.all(Array.from({ length: AT_ONCE }, work));
printTable(rows);
