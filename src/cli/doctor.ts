// closefds doctor: tests the guard on this machine, and shows the config and what closefds cannot see.

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { arch, platform, release, tmpdir } from 'node:os';
import path from 'node:path';
import { ClosefdsError } from '../base/errors';
import { file as fileTitle } from '../findings/message';
import { whyNotWritable } from '../findings/report-place';
import { loadCompat } from '../policy/compat-table';
import { currentFolder } from '../policy/inherited-paths';
import { DEFAULT_RULES, type Rule } from '../policy/rule';
import { readSettings, type Settings } from '../policy/settings';
import { PACKAGE_ROOT } from '../preload/install';
import { installed } from '../preload/installed';
import { describeFd } from '../strays/describe-fd';
import { loadStrayGuard } from '../strays/native-guard';
import { otherRuntime, whatCloses } from '../strays/platform';
import { type DeepReport, deepLines, tryDeepGuard } from './doctor-deep';
import { lookAtProcess, processText } from './doctor-pid';
import { choice, readArguments } from './parse-args';
import { UsageError } from './usage-error';

const usage = `closefds doctor [--format text|json] [--pid N]

Tests closefds on this machine. Prints the mechanism of the stray guard, and starts a child with a
stray FD to prove that it works. Does the same with processes that an addon creates, without and
with the deep guard. Then prints the strays of this process, the config in force for this folder,
and what closefds cannot see.

  --format text|json   default: text
  --pid N              inspects the running process N instead: whether closefds is loaded there, and
                       the strays that the process has now

Exits with 1 if a stray reached the child (or, with the setting "deep", a process of the addon), the
config is invalid, the report cannot be written, or closefds is not loaded in process N.

  closefds doctor
  closefds doctor --pid "$(systemctl show --property MainPID --value app)"
`;

export const doctor = { summary: 'what works here, proven by a test, and what does not', usage, main };

interface DoctorReport {
  readonly system: Readonly<Record<string, string>>;
  readonly guard: { readonly addon: string; readonly loadedHere: string };
  readonly selfTest: SelfTest;
  /** Missing where the addon does not load. */
  readonly deep?: DeepReport;
  readonly strays: readonly string[];
  readonly config: ConfigReport;
  readonly holes: readonly string[];
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    format: { type: 'string' },
    pid: { type: 'string' },
  });
  const format = choice(values.format, ['text', 'json'], '--format');
  if (positionals.length > 0)
    throw new UsageError(`expected no argument beside the options, found "${positionals[0]}"`);
  if (values.pid !== undefined) return showProcess(values.pid, format);
  const report: DoctorReport = {
    system: system(),
    guard: { addon: addonState(), loadedHere: loadedState() },
    selfTest: selfTest(),
    ...deepReport(),
    strays: strays(),
    config: config(),
    holes: GAPS,
  };
  process.stdout.write(format === 'json' ? `${JSON.stringify(report, null, 2)}\n` : toText(report));
  const { error, reportProblem } = report.config;
  const holds = report.selfTest.holds && (report.deep?.holds !== false || !report.deep.wanted);
  return holds && error === undefined && reportProblem === undefined ? 0 : 1;
}

function showProcess(pid: string, format: 'text' | 'json'): number {
  const report = lookAtProcess(pid);
  process.stdout.write(format === 'json' ? `${JSON.stringify(report, null, 2)}\n` : processText(report));
  return report.addon === null ? 1 : 0;
}

function system(): DoctorReport['system'] {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  const other = otherRuntime();
  const libc = header.glibcVersionRuntime === undefined ? 'not glibc' : `glibc ${header.glibcVersionRuntime}`;
  return {
    platform: `${platform()} ${release()}, ${arch()}`,
    libc,
    node: `${process.version}, libuv ${process.versions.uv}`,
    ...(other !== undefined && { runtime: other }),
  };
}

// ---------------------------------------------------------------------------------------------
// The guard
// ---------------------------------------------------------------------------------------------

function addonState(): string {
  const closer = whatCloses();
  if (closer === 'system') return 'not needed: this system closes what libuv does not pass';
  if (closer === 'nothing') return `none for ${platform()}: strays reach children`;
  try {
    loadStrayGuard(PACKAGE_ROOT);
    return 'loads';
  } catch (error) {
    return `does not load (${(error as Error).message})`;
  }
}

function loadedState(): string {
  const state = installed();
  return state === undefined ? 'no, this command runs without it' : `yes, in mode "${state.mode}"`;
}

interface SelfTest {
  readonly holds: boolean;
  /** What happened to the stray without closefds: if it did not arrive, the test proves nothing. */
  readonly without: string;
  readonly with: string;
  readonly way: string;
  readonly spawning: string;
}

/** After a gap: Node sets close-on-exec on inherited FDs only up to the first free number. */
const STRAY_FD = 100;

/** Starts Node twice with an inherited FD, without and with closefds; each starts a child that looks for the FD. */
function selfTest(): SelfTest {
  const without = probe('off');
  const enforced = probe('enforce');
  return {
    holds: enforced.stray !== 'arrived' && enforced.failure === undefined,
    without: without.failure ?? without.stray,
    with: enforced.failure ?? enforced.stray,
    way: enforced.way,
    spawning: enforced.spawning,
  };
}

interface Probe {
  readonly stray: string;
  readonly way: string;
  readonly spawning: string;
  readonly failure?: string;
}

const PROBE = `
  const { spawnSync } = require('node:child_process');
  const look = "const fs = require('node:fs'); let s; try { s = fs.fstatSync(${STRAY_FD}) } catch {}" +
    "process.stdout.write(s === undefined ? 'closed' : s.isSymbolicLink() ? 'masked' : 'arrived')";
  const child = spawnSync(process.execPath, ['-e', look], { env: { ...process.env, NODE_OPTIONS: '' } });
  const guard = globalThis[Symbol.for('closefds.installed')]?.strayGuard;
  process.stdout.write(JSON.stringify({
    stray: String(child.stdout), way: guard?.way() ?? 'nothing', spawning: guard?.spawning() ?? 'unknown',
  }));
`;

function probe(mode: string): Probe {
  const folder = mkdtempSync(path.join(tmpdir(), 'closefds-doctor-'));
  const fd = openSync(path.join(folder, 'stray'), 'w+');
  try {
    const stdio: ('pipe' | 'ignore' | number)[] = ['pipe', 'pipe', 'pipe'];
    while (stdio.length < STRAY_FD) stdio.push('ignore');
    stdio[STRAY_FD] = fd;
    const register = path.join(PACKAGE_ROOT, 'dist', 'register', 'index.js');
    const child = spawnSync(process.execPath, ['--require', register, '-e', PROBE], {
      stdio,
      // In a folder without a config: the test is about the machine.
      cwd: folder,
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        CLOSEFDS_MODE: mode,
        CLOSEFDS_CONFIG: '',
        NODE_NO_WARNINGS: '1',
      },
      encoding: 'utf8',
    });
    try {
      return JSON.parse(child.stdout) as Probe;
    } catch {
      const failure = `the test did not run (${(child.error?.message ?? child.stderr).trim().slice(0, 500)})`;
      return { stray: 'unknown', way: 'unknown', spawning: 'unknown', failure };
    }
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In a folder without a config: the test is about the machine. */
function deepReport(): { readonly deep?: DeepReport } {
  if (platform() !== 'linux' || addonState() !== 'loads') return {};
  const folder = mkdtempSync(path.join(tmpdir(), 'closefds-doctor-'));
  try {
    return { deep: tryDeepGuard(isDeepWanted(), folder) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isDeepWanted(): boolean {
  try {
    return settingsHere().deep === true;
  } catch {
    return false;
  }
}

function strays(): string[] {
  try {
    const guard = installed()?.strayGuard ?? loadStrayGuard(PACKAGE_ROOT);
    return guard.list(true, describeFd).map(({ fd, file }) => `FD ${fd} (${fileTitle(file)})`);
  } catch {
    return ['cannot be listed without the addon'];
  }
}

// ---------------------------------------------------------------------------------------------
// The config
// ---------------------------------------------------------------------------------------------

interface ConfigReport {
  readonly error?: string;
  readonly file?: string;
  readonly appRoot?: string;
  readonly mode?: string;
  readonly report?: string;
  /** Why the report cannot be written. */
  readonly reportProblem?: string;
  readonly rules?: readonly string[];
}

function config(): ConfigReport {
  try {
    const settings = settingsHere();
    return {
      file: settings.configFile ?? 'none found, so the defaults hold',
      appRoot: settings.appRoot,
      mode: settings.mode,
      ...reportOf(settings),
      rules: rulesOf(settings),
    };
  } catch (error) {
    if (error instanceof ClosefdsError) return { error: error.message };
    throw error;
  }
}

function settingsHere(): Settings {
  return readSettings({ entryMode: undefined, env: process.env, script: undefined, cwd: currentFolder() });
}

function reportOf({ report, reportProblem }: Settings): Pick<ConfigReport, 'report' | 'reportProblem'> {
  if (report === undefined) return { report: 'none', ...(reportProblem !== undefined && { reportProblem }) };
  const problem = whyNotWritable(report.file.replaceAll('%p', String(process.pid)));
  return { report: report.file, ...(problem !== undefined && { reportProblem: problem }) };
}

function rulesOf({ config }: Settings): string[] {
  const compat = config.compat ? [`the compat table, ${loadCompat().rules.length} rules`] : [];
  return [...config.rules.map(ruleTitle), ...compat, ...DEFAULT_RULES.map(ruleTitle)];
}

function ruleTitle({ effect, source, reason, compat, ...conditions }: Rule): string {
  const named = Object.entries(conditions).map(([key, value]) => `${key} ${[value].flat().join(' ')}`);
  return `${effect} ${named.join(', ') || 'everything'} (${source}${reason === undefined ? '' : `: ${reason}`})`;
}

// ---------------------------------------------------------------------------------------------
// What a preload cannot see
// ---------------------------------------------------------------------------------------------

const GAPS: readonly string[] = [
  '`node --run` starts its script before any preload: put NODE_OPTIONS into the environment, and the script is covered',
  '`node --watch`: its parent process runs no preload; the program it starts does',
  'processes that addons or node:ffi make by themselves, node-pty and its forks aside: what they fork is guarded and not reported, what they posix_spawn() or vfork() gets what was opened since the guard last marked: when it was loaded, and at each guarded spawn. The setting `deep` guards them',
  'with `deep`, too: system calls by number, Go libraries (c-shared), a static C library, other namespaces of dlmopen(), constructors that run inside dlopen()',
  'worker threads with `eval` where closefds came by --import and Node is 18, the environment is shared, or NODE_OPTIONS has options of the process: strays are closed, designated FDs are not judged',
];

function toText(report: DoctorReport): string {
  const { selfTest, config } = report;
  const lines = [
    heading('System'),
    ...Object.entries(report.system).map(([name, value]) => line(name, value)),
    heading('Stray guard'),
    line('addon', report.guard.addon),
    line('loaded here', report.guard.loadedHere),
    line('way', selfTest.way),
    line('processes by', selfTest.spawning),
    heading('Self-test: a child of a process that holds a stray FD'),
    line('without', withoutTitle(selfTest.without)),
    line('with', `the stray ${selfTest.with === 'arrived' ? 'ARRIVED' : `was ${selfTest.with}`}`),
    ...deepSection(report.deep),
    heading('Strays of this process'),
    ...(report.strays.length === 0 ? ['  none'] : report.strays.map(stray => `  ${stray}`)),
    heading('Config for this folder'),
    ...(config.error === undefined
      ? [
          line('file', config.file),
          line('app', config.appRoot),
          line('mode', config.mode),
          line('report', config.report),
          ...(config.reportProblem === undefined ? [] : [line('NOT WRITTEN', config.reportProblem)]),
          '  rules, first match decides:',
        ]
      : [line('WRONG', config.error)]),
    ...(config.rules ?? []).map((rule, index) => `  ${String(index + 1).padStart(3)}. ${rule}`),
    heading('What closefds cannot see'),
    ...report.holes.map(hole => `  - ${hole}`),
  ];
  return `${lines.join('\n').trimStart()}\n`;
}

function deepSection(deep: DeepReport | undefined): string[] {
  if (deep === undefined) return [];
  const title = heading('Deep guard: processes that an addon makes by itself, with a stray FD');
  return [title, ...deepLines(deep).map(([name, value]) => line(name, value))];
}

/** If the stray does not arrive without closefds, the runtime or the system closed it. */
function withoutTitle(stray: string): string {
  if (stray === 'closed') return 'the stray was closed, too: so this test says nothing about closefds';
  return `the stray ${stray}`;
}

function heading(text: string): string {
  return `\n${text}`;
}

function line(name: string, value: string | undefined): string {
  return `  ${name.padEnd(14)} ${value ?? ''}`;
}
