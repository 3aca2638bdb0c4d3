// What a row of the conformance list is, and how its programs are run.

import { mkdtempSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { withLimit } from '../support/hostile-environments';
import { write } from '../support/programs';
import { LEAK, type RunOptions, run, tool, WITHOUT_COVERAGE } from '../support/run';
import type { ConformanceWay } from './ways';

export interface Subject {
  readonly node: string;
  readonly way: ConformanceWay;
}

export interface Row {
  readonly id: string;
  /** Runs the row's programs, and gives what they saw. */
  readonly observe: (subject: Subject) => Promise<unknown>;
  readonly expected: (way: ConformanceWay) => unknown;
  /** Why the row makes no sense, or cannot hold, in a way; undefined where it has to. */
  readonly exempt?: (way: ConformanceWay) => string | undefined;
}

/** What a child has: the fallback guard puts a placeholder over each stray, and every guard one in each denied slot. */
export function child(
  way: ConformanceWay,
  fds: readonly number[],
  strays: readonly number[] = [],
  denied: readonly number[] = [],
): (number | string)[] {
  const placeholders = [...denied, ...(way.masks ? strays : [])].map(fd => `${fd} placeholder`);
  const all: (number | string)[] = [...new Set([0, 1, 2, ...fds]), ...placeholders];
  return all.sort((a, b) => Number.parseInt(String(a), 10) - Number.parseInt(String(b), 10));
}

/** `count` numbers from `from` on. */
export function numbers(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

const PRELUDE = `
  const childProcess = require('node:child_process');
  const fs = require('node:fs');
  const leak = require(${JSON.stringify(LEAK)});
  const LIST = ${JSON.stringify(tool('list-all-fds'))};
  const file = process.argv[2];
  const strayGuard = globalThis[Symbol.for('closefds.installed')]?.strayGuard;
  const listed = options => JSON.parse(childProcess.execFileSync(LIST, options));
  const answer = value => fs.writeSync(1, JSON.stringify(value));
  const numbers = (from, count) => Array.from({ length: count }, (_, i) => from + i);
  const table = () => fs.readdirSync('/proc/self/fd').map(fd => {
    try { return fd + ' ' + fs.readlinkSync('/proc/self/fd/' + fd); } catch { return ''; }
  }).filter(Boolean).sort();
`;

export interface ProgramOptions extends Pick<RunOptions, 'env' | 'nodeArgs' | 'through'> {
  readonly rules?: readonly object[];
  /** Under the app's name, in its folder. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Runs a program, and gives what it answered. Throws with all it said if it did not. */
export async function answerOf(
  { node, way }: Subject,
  program: string,
  { rules = [], files = {}, env = {}, nodeArgs = [], through = [] }: ProgramOptions = {},
): Promise<unknown> {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'closefds-row-')));
  try {
    const script = write(folder, {
      'app.js': PRELUDE + program,
      'package.json': '{"name": "app"}',
      'closefds.json': JSON.stringify({ rules }),
      ...files,
    });
    const result = await run(script, {
      node,
      nodeArgs: ['--require', way.register(), ...nodeArgs],
      args: [path.join(folder, 'file')],
      env: { ...WITHOUT_COVERAGE, NODE_NO_WARNINGS: '1', ...env },
      // A row that hangs is one that fails.
      through: ['timeout', '100', ...withLimit(20_000), ...way.through, ...through],
    });
    try {
      return JSON.parse(result.stdout);
    } catch {
      const { code, signal, stdout, stderr } = result;
      throw new Error(`it ended with ${signal ?? code}\nstdout: ${stdout}\nstderr: ${stderr}`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
