// What the hooks of src/hooks/child-process.ts do. Loaded by the first call: until then a program pays for
// none of it.

import type { AnyFunction } from '../base/wrap-function';
import type { SpawnCall } from '../model/spawn-request';
import { createBindingHook } from './binding-hook';
import { CallGuard, type CallGuardOptions } from './call-guard';
import { execThroughSpawnSync } from './exec-sync';
import { createExecveHook } from './execve-hook';
import { createSpawnHook } from './spawn-hook';
import { createSyncHook } from './sync-hook';
import type { HookFactories } from './types';

export interface GuardedCallsOptions extends CallGuardOptions {
  /** A native call has ended, which may have left FDs open. */
  readonly onNative: () => void;
}

export interface GuardedCalls extends HookFactories {
  /** Evaluates and guards a call that makes its process without child_process. */
  readonly native: (call: SpawnCall, start: () => unknown) => unknown;
}

/** To be called once in each thread. */
export function createGuardedCalls({ onNative, ...options }: GuardedCallsOptions): GuardedCalls {
  const { strayGuard, onUnguarded } = options;
  const guard = new CallGuard(options);
  const { spawn, execFile } = createSpawnHook(guard);
  const { binding, hasSync } = createBindingHook(guard);
  const sync = createSyncHook(guard, { hasBinding: hasSync, execThroughSpawnSync });
  return { spawn, execFile, sync, execve: createExecveHook(guard, strayGuard), binding, native };

  function native(call: SpawnCall, start: () => unknown): unknown {
    return guard.run(call, {}, native as AnyFunction, (replaced, { trace }) => {
      trace?.forgo(`${call.route}() makes its process natively`);
      if (replaced !== undefined && strayGuard.mustCover)
        onUnguarded(new Error(`a stray cannot be covered in a process that ${call.route}() makes natively`));
      try {
        // Does not show how Node makes processes.
        return { result: start(), started: false, needsFork: call.route };
      } finally {
        onNative();
      }
    });
  }
}
