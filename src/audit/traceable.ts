// Which program a spawn would execute: as execvp() and strace find it, where both agree.

import fs = require('node:fs');
import path = require('node:path');

// Taken at load: programs replace functions of `fs`, and these answers are about the real system.
const { accessSync, closeSync, constants, openSync, readSync, statSync } = fs;

export interface Execution {
  readonly file: string;
  readonly cwd: string;
  /** Of the child. */
  readonly path: string | undefined;
  /** Whether it is executed by another user or group than this process. */
  readonly byOther: boolean;
}

/** Why a program cannot be traced as it would run; undefined if it can. */
export function whyUntraceable(execution: Execution): string | undefined {
  const program = find(execution);
  if (program === undefined) return 'it is not certain which program is executed';
  const { mode } = statSync(program);
  if ((mode & 0o6000) !== 0)
    return 'a program with other rights than its caller (set-user-ID) loses them when traced';
  if (execution.byOther && (mode & 0o005) !== 0o005)
    return 'whether another user may execute it is not certain';
  try {
    accessSync(program, constants.X_OK | constants.R_OK);
    return starts(program, execution.cwd) ? undefined : 'it has a form that only a shell executes';
  } catch {
    return 'the program cannot be read or executed';
  }
}

/** glibc's path without PATH. */
const DEFAULT_PATH = '/bin:/usr/bin';

/** The first file that somebody may execute, as strace takes it. */
function find({ file, cwd, path: folders = DEFAULT_PATH }: Execution): string | undefined {
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

/** The kernel looks at as many bytes: BINPRM_BUF_SIZE. */
const HEAD = 256;

/** Whether the kernel executes it. What it refuses, execvp() gives to a shell, and strace does not. */
function starts(program: string, cwd: string): boolean {
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
