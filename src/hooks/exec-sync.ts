// execSync() and execFileSync() in terms of spawnSync(), used where closefds adds slots.
//
// Called without `stdio`, these two print the child's stderr and put it into their errors. A stray
// is covered by a slot, so they get a `stdio`, and then they would do neither. This file does what
// lib/child_process.js does in Node 18 to 26.

import type { spawnSync as SpawnSync, SpawnSyncOptions } from 'node:child_process';

import type { AnyFunction } from '../base/wrap-function';

export function execThroughSpawnSync(route: 'execFileSync' | 'execSync', original: AnyFunction): AnyFunction {
  const spawnSync = original as unknown as typeof SpawnSync;
  return route === 'execSync' ? execSync : execFileSync;

  function execSync(...args: unknown[]): unknown {
    const command = args[0] as string;
    const options = args[1] as SpawnSyncOptions;
    const shell = typeof options.shell === 'string' ? options.shell : true;
    return finish(spawnSync(command, { ...options, shell }), command);
  }

  function execFileSync(...args: unknown[]): unknown {
    const file = args[0] as string;
    const given = Array.isArray(args[1]) ? (args[1] as string[]) : [];
    const options = (args[2] ?? args[1]) as SpawnSyncOptions;
    return finish(spawnSync(file, given, options), [options.argv0 ?? file, ...given].join(' '));
  }
}

function finish(result: ReturnType<typeof SpawnSync>, command: string): unknown {
  if (result.stderr?.length > 0) process.stderr.write(result.stderr);
  if (result.error !== undefined) throw Object.assign(result.error, result);
  if (result.status !== 0) {
    const stderr = result.stderr?.length > 0 ? `\n${result.stderr.toString()}` : '';
    throw Object.assign(new Error(`Command failed: ${command}${stderr}`), result);
  }
  return result.stdout;
}
