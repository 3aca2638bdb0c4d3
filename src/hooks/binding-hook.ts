// process.binding(), by which a program makes processes below child_process's functions. The function stays as
// it is, deprecation and refusal included; what it returns gets guarded.

import { type AnyFunction, replaceMethod } from '../base/wrap-function';
import { toStdio } from '../model/stdio';
import { fromHandleForm, toHandleForm } from '../spawn/binding-stdio';
import { toCall } from '../spawn/parse-call';
import { isOptions, withStdio } from '../spawn/stdio-option';
import { type CallGuard, callResult, type Wrap } from './call-guard';

export interface BindingHook {
  readonly binding: Wrap;
  /** Whether a program has the binding of the synchronous functions. */
  readonly hasSync: () => boolean;
}

export function createBindingHook(guard: CallGuard): BindingHook {
  const guarded = new WeakSet<object>();
  let hasSync = false;
  return { binding, hasSync: () => hasSync };

  function binding(original: AnyFunction): AnyFunction {
    return function binding(...args) {
      const result = Reflect.apply(original, this, args) as Record<string, unknown> | undefined;
      if (typeof result !== 'object' || result === null || guarded.has(result)) return result;
      if (args[0] === 'spawn_sync') {
        replaceMethod(result, 'spawn', guardHandle);
        hasSync = true;
      }
      if (args[0] === 'process_wrap') replaceMethod(processPrototype(result), 'spawn', guardHandle);
      guarded.add(result);
      return result;
    };
  }

  /** The handles' own spawn(): one options object, or eight values of which the fifth is stdio (24.19, 26.4). */
  function guardHandle(original: AnyFunction): AnyFunction {
    return function spawn(...args) {
      if (guard.isOwnLayer(this, args[0])) return Reflect.apply(original, this, args);
      const options = isOptions(args[0])
        ? args[0]
        : { file: args[0], args: args[1], envPairs: args[3], stdio: args[4] };
      const forms = Array.isArray(options.stdio) ? (options.stdio as unknown[]) : [];
      const call = toCall('process.binding', options, toStdio(forms.map(fromHandleForm)), process.env);

      return guard.run(call, {}, spawn, (replaced, { trace }) => {
        if (replaced !== undefined) {
          const changed = (replaced.read() as unknown[]).map((slot, i) => toHandleForm(slot, forms[i]));
          if (options === args[0])
            args[0] = withStdio(options, { ...replaced, read: () => changed }, guard.isProxy);
          else args[4] = changed;
        }
        return callResult(trace ? trace.call(original, this, args) : Reflect.apply(original, this, args));
      });
    };
  }
}

function processPrototype(binding: Record<string, unknown>): Record<string, unknown> {
  return (binding.Process as { prototype: Record<string, unknown> }).prototype;
}
