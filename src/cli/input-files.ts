// Reads report files for commands: any number, compressed or not, or stdin.

import fs from 'node:fs';
import type { Readable } from 'node:stream';
import { readLines } from '../report/read-lines';
import { createReadingProgress } from './progress';
import { UsageError } from './usage-error';

export interface Input {
  /** The name in messages. */
  readonly name: string;
  readonly size: number;
  readonly open: () => Readable;
  /** The same for two names of one file. */
  readonly identity?: string;
}

/** No name, or "-", is stdin. A file that is named twice is read once. Checks all names before a file is read, which may take minutes. Throws UsageError. */
export function inputsOf(names: readonly string[]): Input[] {
  if (names.length === 0 && process.stdin.isTTY)
    throw new UsageError('expected FILE, or findings on stdin, found a terminal there');
  if (names.filter(name => name === '-').length > 1)
    throw new UsageError('expected "-" for stdin once, found it twice');
  const seen = new Set<string>();
  return (names.length === 0 ? ['-'] : names).map(inputOf).filter(({ identity }) => {
    const isNew = identity === undefined || !seen.has(identity);
    if (identity !== undefined) seen.add(identity);
    return isNew;
  });
}

function inputOf(name: string): Input {
  if (name === '-') return { name: 'stdin', size: 0, open: () => process.stdin };
  try {
    const stat = fs.statSync(name);
    if (stat.isDirectory()) throw new UsageError(`expected a file, found a folder: ${name}`);
    fs.accessSync(name, fs.constants.R_OK);
    const open = () => fs.createReadStream(name, { highWaterMark: 2 ** 16 });
    return { name, size: stat.size, open, ...(stat.isFile() && { identity: `${stat.dev}:${stat.ino}` }) };
  } catch (error) {
    throw asUsageError(error, `${name} cannot be read`);
  }
}

/** A file that cannot be opened is an error in the arguments. */
export function asUsageError(error: unknown, what: string): UsageError {
  return error instanceof UsageError ? error : new UsageError(`${what}: ${inputErrorReason(error)}`);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of its path is no folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a folder',
  ENOSPC: 'the disk is full',
  EADDRINUSE: 'another program has it',
};

/** The reason of an error of the file system, in words. */
export function inputErrorReason(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? message;
}

export interface InputHandlers {
  /** `source`: the same number for files of the same processes. */
  readonly onLine: (line: string, isTooLong: boolean, source: number) => void;
  readonly recordsSoFar: () => number;
}

/** Resolves to messages about inputs that could not be read to their ends. */
export async function readInputs(
  inputs: readonly Input[],
  { onLine, recordsSoFar }: InputHandlers,
): Promise<string[]> {
  const problems: string[] = [];
  const sourceOf = createSources();
  const progress = createReadingProgress({
    stream: process.stderr,
    size: inputs.reduce((sum, { size }) => sum + size, 0),
    records: recordsSoFar,
  });
  for (const { name, open } of inputs) {
    const source = sourceOf(name);
    try {
      await readLines(open(), {
        onLine: (line, isTooLong) => onLine(line, isTooLong, source),
        onBytes: progress.onBytes,
      });
    } catch (error) {
      problems.push(endProblem(name, error));
    }
  }
  progress.end();
  return problems;
}

export function endProblem(name: string, error: unknown): string {
  return `${name} could not be read to its end: ${inputErrorReason(error)}`;
}

/** Numbers for files: the same for files of the same processes. */
export function createSources(): (name: string) => number {
  const sources = new Map<string, number>();
  return name => {
    const source = sources.get(withoutRotation(name)) ?? sources.size;
    sources.set(withoutRotation(name), source);
    return source;
  };
}

/** Rotated files are of the same processes: findings.ndjson, .ndjson.1, .ndjson-20261124.gz */
function withoutRotation(name: string): string {
  return name.replace(/\.gz$/, '').replace(/[.-]\d+$/, '');
}
