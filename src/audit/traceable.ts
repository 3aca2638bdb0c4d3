// Finds the program that a spawn would execute, if execvp() and strace would find the same one.

import fs = require('node:fs');
import path = require('node:path');

// Taken at load: programs replace functions of `fs`, but this file must read the real file system.
const { accessSync, closeSync, constants, openSync, readSync, statSync } = fs;

export interface Execution {
  readonly file: string;
  readonly cwd: string;
  /** PATH of the child. */
  readonly path: string | undefined;
  /** Whether another user or group than that of this process executes it. */
  readonly byOther: boolean;
}

/** Why a program would run differently under strace; undefined if it would not. */
export function whyUntraceable(execution: Execution): string | undefined {
  const program = findProgram(execution);
  if (program === undefined) return 'it is not certain which program is executed';
  const { mode } = statSync(program);
  if ((mode & 0o6000) !== 0)
    return 'a program with other rights than its caller (set-user-ID) loses them when traced';
  if (execution.byOther && (mode & 0o005) !== 0o005)
    return 'whether another user may execute it is not certain';
  try {
    accessSync(program, constants.X_OK | constants.R_OK);
    return isExecutedByKernel(program, execution.cwd)
      ? undefined
      : 'it has a form that only a shell executes';
  } catch {
    return 'the program cannot be read or executed';
  }
}

/** The search path of glibc if PATH is not set. */
const DEFAULT_PATH = '/bin:/usr/bin';

/** The first file that any user may execute: strace's rule. */
function findProgram({ file, cwd, path: folders = DEFAULT_PATH }: Execution): string | undefined {
  if (file === '' || file.includes('\0')) return undefined;
  if (file.includes('/')) return isExecutable(path.resolve(cwd, file)) ? path.resolve(cwd, file) : undefined;
  return folders
    .split(':')
    .map(folder => path.resolve(cwd, folder, file))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    const stat = statSync(file);
    return stat.isFile() && (stat.mode & 0o111) !== 0;
  } catch {
    return false;
  }
}

/** The number of bytes that the kernel reads: BINPRM_BUF_SIZE. */
const HEAD = 256;

/** execvp() runs a file that the kernel refuses in a shell; strace does not. */
function isExecutedByKernel(program: string, cwd: string): boolean {
  const head = Buffer.alloc(HEAD);
  const fd = openSync(program, 'r');
  try {
    readSync(fd, head, 0, HEAD, 0);
  } finally {
    closeSync(fd);
  }
  if (head.toString('latin1', 0, 4) === '\x7fELF') return true;
  const [, interpreter] = /^#![ \t]*([^ \t\n\0]+)/.exec(head.toString('latin1')) ?? [];
  return interpreter !== undefined && isExecutable(path.resolve(cwd, interpreter));
}
