// Runs fixture programs for real, from a clean table of FDs.

import { spawn } from 'node:child_process';
import path from 'node:path';

/** Compiled, this file is dist/test/support/run.js. */
export const ROOT = path.resolve(__dirname, '..', '..', '..');
export const REGISTER = path.join(ROOT, 'dist', 'register', 'index.js');

/** A program of build/, see scripts/build/test-tools.mjs. */
export const tool = (name: string): string => path.join(ROOT, 'build', name);
export const LIST_FDS: string = tool('list-fds');
export const LEAK: string = tool('leak.node');

/** Loaded into every program here before all else: a sanitizer, of scripts/verify/addon.mjs. */
const SANITIZER = process.env.CLOSEFDS_TEST_PRELOAD ?? '';

/** A sanitizer that cannot read the name of its program, as where /proc is hidden, says so on stderr. */
const SAID_BY_SANITIZER = /^==\d+==WARNING: reading executable name failed.*\n/gm;

/** LD_PRELOAD's value for a library of ours. */
export const preloading = (file: string): string => `${SANITIZER} ${file}`.trim();

export interface RunOptions {
  /** Default: CLOSEFDS_TEST_NODE, or the Node that runs the tests. */
  readonly node?: string;
  /** Arguments of Node, in front of the program. Default: the preload. */
  readonly nodeArgs?: readonly string[];
  readonly args?: readonly string[];
  /** Added to a small environment, not to that of the tests. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Commands to start Node with, like `deny` or a shell that opens an FD. */
  readonly through?: readonly string[];
  readonly input?: string;
}

export interface RunResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * What the world gives to every program here; NODE_V8_COVERAGE is how c8 sees into them. A bash whose standard
 * input is a socket, as Node's pipes are, reads ~/.bashrc unless SHLVL shows an outer shell.
 */
function environment(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_V8_COVERAGE', 'ASAN_OPTIONS', 'UBSAN_OPTIONS'];
  const given = { SHLVL: '1', ...(SANITIZER !== '' && { LD_PRELOAD: SANITIZER }) };
  const own = names.flatMap(name => (process.env[name] ? [[name, process.env[name]]] : []));
  return { ...Object.fromEntries(own), ...given };
}

/**
 * For the programs of suites that run one path thousands of times: to write its coverage takes a process longer
 * than its work, and shows nothing that other suites do not show.
 */
export const WITHOUT_COVERAGE = { NODE_V8_COVERAGE: '' };

/** Runs a program under the preload, with stdin, stdout and stderr and no other FD. */
export function run(program: string, options: RunOptions = {}): Promise<RunResult> {
  const {
    node = process.env.CLOSEFDS_TEST_NODE ?? process.execPath,
    nodeArgs = ['--require', REGISTER],
    args = [],
    env,
    cwd,
    through = [],
  } = options;
  const command = [...through, node, ...nodeArgs, program, ...args];
  return runCommand(command, {
    ...(env && { env }),
    ...(cwd && { cwd }),
    ...(options.input && { input: options.input }),
  });
}

/** Runs any command, from a clean table of FDs. */
export function runCommand(
  command: readonly string[],
  options: Pick<RunOptions, 'env' | 'cwd' | 'input'> = {},
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool('clean-exec'), command, {
      env: { ...environment(), ...options.env },
      cwd: options.cwd,
      stdio: 'pipe',
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', chunk => stdout.push(chunk));
    child.stderr.on('data', chunk => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({
        code,
        signal,
        stdout: Buffer.concat(stdout).toString(),
        stderr: withoutSanitizer(Buffer.concat(stderr).toString()),
      });
    });
    child.stdin.on('error', () => {}); // a program that ends early does not read it
    child.stdin.end(options.input ?? '');
  });
}

const withoutSanitizer = (stderr: string): string =>
  SANITIZER === '' ? stderr : stderr.replace(SAID_BY_SANITIZER, '');

/** A `through` that opens `file` at `fd`, inheritable, as `exec 200>lock` does in a script. */
export function inheriting(fd: number, file: string): string[] {
  return ['bash', '-c', `exec ${fd}<>"$0"; exec "$@"`, file];
}
