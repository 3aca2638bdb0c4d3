// closefds scan: which code passes FDs, found without running it.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ClosefdsError } from '../base/errors';
import { loadCompat } from '../policy/compat-table';
import type { Policy } from '../policy/rule';
import { readSettings } from '../policy/settings';
import type * as Scanner from '../scan/index';
import { currentPolicy } from './current-policy';
import { asUsageError } from './input-files';
import { choice, readArguments } from './parse-args';
import { createProgress } from './progress';
import { writeOut } from './terminal';
import { UsageError } from './usage-error';
import { version } from './version';

const usage = `closefds scan [OPTION...] [DIR|TARBALL...]

Reads the code of an application and its dependencies (default: the current folder), or the tarballs
of packages. Lists every place that starts a process with FDs beyond stdio. Runs no code.

  --format text|json|sarif             default: text
  --show certain|likely|possible       the lowest confidence that the table lists (default: likely)
  --fail-on certain|likely|possible|unsafe|launcher|new
                       exits with 1 if a place that no rule covers and that is not in the baseline
                       has at least that confidence, is a call of unsafe(), is a launcher, or (new)
                       is any place; separate several values by commas
  --baseline FILE      known places
  --write-baseline     writes all places to the baseline's file
  --no-cache           reads all files again

  closefds scan
  closefds scan --fail-on certain,unsafe --baseline closefds-baseline.json
  closefds scan lmdb-3.5.6.tgz
`;

export const scan = { summary: 'which code passes FDs, found without running it', usage, main };

const FORMATS = ['text', 'json', 'sarif'] as const;
const LEVELS = ['certain', 'likely', 'possible'] as const;
type Level = (typeof LEVELS)[number];
/** The types of places that --fail-on accepts. No rule covers them. */
const TYPES: readonly Scanner.Place['siteType'][] = ['unsafe', 'launcher'];
/** Any place that is not in the baseline. */
const NEW = 'new';

interface ScanArguments {
  readonly roots: readonly string[];
  readonly format: (typeof FORMATS)[number];
  readonly show: Level;
  readonly failOn: readonly string[];
  readonly baseline: string | undefined;
  readonly write: boolean;
  readonly useCache: boolean;
}

async function main(args: readonly string[]): Promise<number> {
  const call = parse(args);
  const root = call.roots.find(isFolder) ?? process.cwd();
  // The parsers are large: no other command is to load them.
  const scanner = require('../scan/index') as typeof Scanner;
  const known = call.baseline === undefined || call.write ? undefined : baseline(call.baseline, scanner);
  const progress = createProgress({ stream: process.stderr });
  const result = await scanner.scanFolders({
    roots: call.roots,
    policy: policyOf(root),
    table: loadCompat(),
    useCache: call.useCache,
    env: process.env,
    progress: files => progress.show(() => `${files} files searched`),
  });
  progress.end();

  if (call.write) writeBaseline(call.baseline as string, before => scanner.toBaseline(result.places, before));
  const fresh = known && new Set(scanner.newPlaces(result.places, known));
  const shown = { result, show: call.show, fresh };
  if (call.format === 'json') await writeOut(scanner.toJson(shown));
  else if (call.format === 'sarif') await writeOut(scanner.toSarif(shown, path.resolve(root), version()));
  else await writeOut(scanner.toPlaceTable(shown));
  for (const root of call.roots) advise(root, result.counts.files);
  for (const { root, why } of result.unread)
    process.stderr.write(`closefds: expected to read ${root}, found that it cannot be: ${why}.\n`);
  // Files that could not be read may contain call sites.
  if (result.unread.length > 0) return 1;
  return !call.write && result.places.some(place => fails(place, call.failOn, fresh)) ? 1 : 0;
}

// ---------------------------------------------------------------------------------------------
// The call
// ---------------------------------------------------------------------------------------------

function parse(args: readonly string[]): ScanArguments {
  const { values, positionals } = parsed(args);
  const format = choice(values.format, FORMATS, '--format');
  if (values['write-baseline'] && values.baseline === undefined)
    throw new UsageError('expected --baseline FILE with --write-baseline, found none');
  const failOn = failures(values['fail-on']);
  if (failOn.includes(NEW) && values.baseline === undefined)
    throw new UsageError('expected --baseline FILE with --fail-on new, found none');
  const roots = positionals.length === 0 ? ['.'] : positionals;
  for (const root of roots) assertScannable(root);
  return {
    roots,
    format,
    show: level(values.show, '--show') ?? 'likely',
    failOn,
    baseline: values.baseline,
    write: values['write-baseline'] === true,
    useCache: values['no-cache'] !== true,
  };
}

function parsed(args: readonly string[]) {
  return readArguments(args, {
    format: { type: 'string' },
    show: { type: 'string' },
    'fail-on': { type: 'string' },
    baseline: { type: 'string' },
    'write-baseline': { type: 'boolean' },
    'no-cache': { type: 'boolean' },
  });
}

function level(value: string | undefined, option: string): Level | undefined {
  const found = LEVELS.find(level => level === value);
  if (value !== undefined && found === undefined)
    throw new UsageError(`expected one of ${LEVELS.join(', ')} after ${option}, found "${value}"`);
  return found;
}

function failures(list: string | undefined): readonly string[] {
  if (list === undefined) return [];
  const known: readonly string[] = [...LEVELS, ...TYPES, NEW];
  const names = list.split(',').map(name => name.trim());
  const wrong = names.find(name => !known.includes(name));
  if (wrong === undefined) return names;
  throw new UsageError(`expected some of ${known.join(', ')} after --fail-on, found "${wrong}"`);
}

function assertScannable(root: string): void {
  const expected = "expected a folder or a package's tarball (.tgz)";
  if (!existsSync(root)) throw new UsageError(`${expected}, found nothing at "${root}"`);
  const isTarball = statSync(root).isFile() && /\.(?:tgz|tar\.gz|tar)$/.test(root);
  if (!isFolder(root) && !isTarball) throw new UsageError(`${expected}, found "${root}"`);
}

function isFolder(file: string): boolean {
  return statSync(file).isDirectory();
}

function baseline(file: string, scanner: typeof Scanner) {
  try {
    return scanner.parseBaseline(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const hint = code === 'ENOENT' ? '; --write-baseline writes one' : '';
    throw new UsageError(`the baseline ${file} cannot be used: ${message}${hint}`);
  }
}

function writeBaseline(file: string, toText: (before: string | undefined) => string): void {
  try {
    writeFileSync(file, toText(existsSync(file) ? readFileSync(file, 'utf8') : undefined));
  } catch (error) {
    throw asUsageError(error, `the baseline ${file} cannot be written`);
  }
}

/** The rules that would be in force for the app in that folder. */
function policyOf(root: string): Policy {
  try {
    const cwd = path.resolve(root);
    return currentPolicy(readSettings({ entryMode: undefined, env: process.env, script: undefined, cwd }));
  } catch (error) {
    if (error instanceof ClosefdsError) throw new UsageError(error.message.replace(/\.$/, ''));
    throw error;
  }
}

// ---------------------------------------------------------------------------------------------
// The answer
// ---------------------------------------------------------------------------------------------

function fails(
  place: Scanner.Place,
  failOn: readonly string[],
  fresh: ReadonlySet<Scanner.Place> | undefined,
): boolean {
  const levels = LEVELS.slice(LEVELS.indexOf(place.confidence));
  if (![...levels, place.siteType, NEW].some(name => failOn.includes(name))) return false;
  return place.covered?.isCertain !== true && (fresh === undefined || fresh.has(place));
}

function advise(root: string, files: number): void {
  if (files === 0) process.stderr.write(`closefds: there is no JavaScript or TypeScript in ${root}.\n`);
  const installed = ['node_modules', '.pnp.cjs', '.pnp.data.json'].some(name =>
    existsSync(path.join(root, name)),
  );
  if (files > 0 && isFolder(root) && !installed && existsSync(path.join(root, 'package.json')))
    process.stderr.write(
      `closefds: ${root} has no installed dependencies; only its own code was searched.\n`,
    );
}
