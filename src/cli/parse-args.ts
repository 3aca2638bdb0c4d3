// Parses the arguments of a command; errors are UsageErrors.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearestOf } from '../base/did-you-mean';
import { orList } from '../policy/parse-value';
import { HelpRequest, UsageError } from './usage-error';

type OptionSpecs = NonNullable<ParseArgsConfig['options']>;

/** Options by the rules of util.parseArgs(), and positional arguments. Throws UsageError, and HelpRequest for --help. */
export function readArguments<const T extends OptionSpecs>(args: readonly string[], options: T) {
  if (asksForHelp(args)) throw new HelpRequest();
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(whatIsWrong(error, options));
  }
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? args.length : end).some(word => word === '--help' || word === '-h');
}

function whatIsWrong(error: unknown, options: OptionSpecs): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const found = /'(-[^']*)'/.exec(message)?.[1];
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' && found !== undefined) {
    const names = [...Object.keys(options).map(name => `--${name}`), '--help'];
    return `expected ${orList(names)}, found "${found}"${suggested(found, names)}`;
  }
  // Without Node's advice about `--`, which does not apply here.
  return message.split('. ')[0] as string;
}

/** ` (did you mean "--mode"?)`, or nothing. */
export function suggested(found: string, known: readonly string[]): string {
  const near = nearestOf(found.split('=', 1)[0], known);
  return near === undefined ? '' : ` (did you mean "${near}"?)`;
}

/** `undefined` means the first of `values`. Throws UsageError if `value` is not among them. */
export function choice<T extends string>(value: string | undefined, values: readonly T[], option: string): T {
  if (value === undefined) return values[0] as T;
  if ((values as readonly string[]).includes(value)) return value as T;
  throw new UsageError(
    `expected ${orList(values)} after ${option}, found "${value}"${suggested(value, values)}`,
  );
}

/** `tsx`, `@scope/name@1.2.3`. Throws UsageError for anything else: ranges, tags, paths. */
export function packageAndVersion(subject: string): { name: string; version: string | undefined } {
  const [, name = '', version] = /^((?:@[^@/\s]+\/)?[^@/\s]+)(?:@(.*))?$/.exec(subject) ?? [];
  if (name === '' || version === '')
    throw new UsageError(`expected PACKAGE or PACKAGE@VERSION, found "${subject}"`);
  if (version !== undefined && !/^\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/.test(version))
    throw new UsageError(`expected a whole version like 1.2.3 after "${name}@", found "${version}"`);
  return { name, version };
}

/** A whole number above 0. Throws UsageError. */
export function wholeNumberOf(value: string, option: string): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (number === 0) throw new UsageError(`expected a number above 0 after ${option}, found "${value}"`);
  return number;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `2h` (ago) or a date, with or without a time, as ISO 8601 in UTC. A time without a zone is UTC. Throws UsageError. */
export function pointInTime(value: string, option: string, now: () => number = Date.now): string {
  const [, amount, unit = ''] = /^(\d{1,6})([smhdw])$/.exec(value) ?? [];
  if (amount !== undefined) return new Date(now() - Number(amount) * (UNITS[unit] ?? 0) * 1000).toISOString();
  const isDate = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:?\d\d)?)?$/.test(value);
  const hasZone = /T.*(?:Z|[+-]\d\d:?\d\d)$/.test(value);
  const time = Date.parse(hasZone || !value.includes('T') ? value : `${value}Z`);
  if (isDate && !Number.isNaN(time)) return new Date(time).toISOString();
  throw new UsageError(
    `expected 30m, 2h, 7d or a time like 2026-11-24T03:00Z after ${option}, found "${value}"`,
  );
}
