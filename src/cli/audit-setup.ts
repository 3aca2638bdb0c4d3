// Finds what an audit needs: strace, the permission to trace, and our library for strace.

import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, constants, copyFileSync, existsSync, readFileSync, statSync } from 'node:fs';
import { platform } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditTools, TracingTools } from '../audit/protocol';
import { straceOptions } from '../audit/strace/options';
import { seccompState } from '../audit/tracer';
import { prebuiltFile } from '../base/prebuilt-file';

const INSTALL =
  'install strace 5.3 or newer (Debian and Ubuntu: apt install strace; Fedora: dnf install strace; Alpine: apk add strace)';
const PERMIT =
  'allow it: in a container with --cap-add=SYS_PTRACE, on a host with "sysctl kernel.yama.ptrace_scope=1" or as root';

/** Finds the tools and tries them out on a shell. `folder`: the folder of the audit. */
export async function findTracingTools(folder: string): Promise<AuditTools> {
  if (platform() !== 'linux') return { problem: 'only Linux has strace' };
  const strace = findStrace();
  if (strace === undefined) return { problem: `strace was not found in PATH; ${INSTALL}` };
  try {
    const stracePreload = copyStracePreload(folder);
    const tools: TracingTools = {
      strace,
      stracePreload,
      argv0: spawnSync(strace, ['--argv0=x', '-V']).status === 0,
      uid: process.geteuid?.() ?? -1,
      seccomp: seccompState(),
      onlyPrivileged: Number(yamaScope() ?? 0) >= 2,
    };
    const problem = await tryOut(tools, path.join(folder, 'probe'));
    return problem === undefined ? tools : { problem };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function findStrace(): string | undefined {
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .map(place => path.resolve(place, 'strace'))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Copies the library to the audit's folder: any user can read it there, and LD_PRELOAD allows no spaces and colons in the path. */
function copyStracePreload(folder: string): string {
  const source = prebuiltFile('strace-preload', 'so');
  const name = path.basename(source);
  if (!existsSync(source)) throw new Error(`closefds has no ${name} for ${process.platform}-${process.arch}`);
  const copy = path.join(folder, name);
  if (/[\s:]/.test(copy)) throw new Error(`expected a TMPDIR without spaces and colons, found ${folder}`);
  copyFileSync(source, copy);
  chmodSync(copy, 0o755);
  return copy;
}

async function tryOut({ strace, stracePreload }: TracingTools, output: string): Promise<string | undefined> {
  const { LD_PRELOAD: before, ...env } = process.env;
  const { status, signal, stdout, stderr } = spawnSync(
    strace,
    [...straceOptions(output), '--', '/bin/sh', '-c', 'echo "$LD_PRELOAD"'],
    {
      env: {
        ...env,
        LD_PRELOAD: stracePreload,
        ...(before !== undefined && { CLOSEFDS_LD_PRELOAD: before }),
      },
      encoding: 'utf8',
      timeout: 20_000,
    },
  );
  if (status !== 0) return toProblem(stderr.trim() || `it ended with ${signal ?? status}`);
  if (stdout.trim() !== (before ?? ''))
    return `${strace} does not take part: it is linked statically, or another C library's; ${INSTALL}`;
  return (await hasTrace(output)) ? undefined : toProblem('it wrote no trace');
}

/** Waits for the trace: the tracer ends after the program. */
async function hasTrace(output: string): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    const text = existsSync(output) ? readFileSync(output, 'latin1') : '';
    if (/\+\+\+ exited with 0 \+\+\+$/m.test(text)) return true;
    await sleep(30);
  }
  return false;
}

function toProblem(text: string): string {
  const [line = ''] = text.split('\n');
  if (/unrecognized option|invalid option/.test(text)) return `this strace is too old (${line}); ${INSTALL}`;
  const scope = yamaScope();
  const yama = scope === undefined ? '' : `, kernel.yama.ptrace_scope is ${scope}`;
  return `strace may not trace here (${line}${yama}); ${PERMIT}`;
}

/** undefined without Yama in the kernel. */
function yamaScope(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/yama/ptrace_scope', 'utf8').trim();
  } catch {
    return undefined;
  }
}
