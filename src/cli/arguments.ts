// Reading a command's arguments; what is wrong with them becomes a UsageError.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from './usage-error';

/** Options by the rules of util.parseArgs(), and what is no option. Throws UsageError. */
export function readArguments<const T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node's sentences end in advice about `--`, which is no help here.
    throw new UsageError((error as Error).message.split('. ')[0] as string);
  }
}

/** Throws UsageError if `value` is none of `values`; undefined is the first. */
export function choice<T extends string>(value: string | undefined, values: readonly T[], option: string): T {
  if (value === undefined) return values[0] as T;
  if ((values as readonly string[]).includes(value)) return value as T;
  throw new UsageError(`expected ${values.join(' or ')} after ${option}, found "${value}"`);
}
