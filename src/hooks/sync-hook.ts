// spawnSync(), execFileSync() and execSync(). Each is replaced by itself: what they share is not reachable.

import type { AnyFunction } from '../base/wrap-function';
import { describeCommand, optionsIndex, toCall } from '../spawn/parse-call';
import {
  type CallOptions,
  isOptions,
  readStdio,
  trimOutput,
  withStdio,
  withToken,
} from '../spawn/stdio-option';
import { type CallGuard, callResult, type OwnLayer, traced } from './call-guard';
import type { HookFactories } from './types';

export interface SyncHookOptions {
  /** Whether the program has Node's binding, whose spawn() is replaced then and has to know this call's. */
  readonly hasBinding: () => boolean;
  /** execSync() and execFileSync() with their default stdio, for when slots are added to it. */
  readonly execThroughSpawnSync: (route: 'execFileSync' | 'execSync', spawnSync: AnyFunction) => AnyFunction;
}

export function createSyncHook(
  guard: CallGuard,
  { hasBinding, execThroughSpawnSync }: SyncHookOptions,
): HookFactories['sync'] {
  return (route, original, spawnSync) =>
    function sync(...args) {
      const at = optionsIndex(route, args);
      const options = (isOptions(args[at]) ? args[at] : {}) as CallOptions;
      const own: OwnLayer = {};
      const run = (func: AnyFunction, given = options) => {
        if (hasBinding()) {
          own.token = Symbol('call');
          args[at] = withToken(given, own.token, guard.isProxy);
        }
        return Reflect.apply(func, this, args);
      };
      const fastPlan = guard.fastPlan(route, args, options);
      if (fastPlan !== undefined) return guard.runUnder(fastPlan, own, () => callResult(run(original)));

      const call = guard.parse(route, options, () => {
        const command = describeCommand(route, args, options);
        return toCall(route, command, readStdio(options, true, guard.isProxy), process.env, options);
      });
      return guard.run(call, own, sync, (replaced, { trace }) => {
        if (replaced === undefined) return callResult(traced(trace, undefined, () => run(original)));
        const changed = withStdio(options, replaced, guard.isProxy);
        args[at] = changed;
        // Without `stdio`, these two print what the child wrote to stderr; with it, they do not.
        const hasOwn = route === 'spawnSync' || Boolean(call.stdio.value);
        const func = hasOwn ? original : execThroughSpawnSync(route, spawnSync);
        const start = () => traced(trace, undefined, () => run(func, changed));
        return callResult(trimOutput(start, replaced.visible));
      });
    };
}
