// Reads the settings of the operator: environment, config file, entry point.

import type * as Buffer from 'node:buffer';

import fs = require('node:fs');
import path = require('node:path');

import { ClosefdsError } from '../base/errors';
import { type Config, NO_CONFIG } from './config';
import { whyNotTrusted } from './config-owner';
import { Mistakes } from './mistakes';
import type * as Parsing from './parse-config';
import { MODES, type Mode } from './rule';
import type { StartedProgram } from './runners';
import { AUDIT_VARIABLE, unknownVariables, VARIABLES } from './variables';

/** The settings of this process. Plain data: workers get a copy. */
export interface Settings {
  readonly mode: Mode;
  readonly config: Config;
  /** The file of the config; ends in `#/closefds` for the key of a package.json. */
  readonly configFile: string | undefined;
  /** The root of the file system if there is neither a script nor a current folder. */
  readonly appRoot: string;
  /** The name of the app in reports: CLOSEFDS_APP, or name@version of its package.json. */
  readonly app?: string | undefined;
  /** The absolute path of the main script; undefined if Node runs no file. */
  readonly script?: string | undefined;
  /** undefined: no report file. */
  readonly report: ReportSettings | undefined;
  /** Why the requested report file cannot be written, as a sentence without a full stop. */
  readonly reportProblem?: string;
  /** Whether the start prints a line. */
  readonly announce: boolean;
  /** Where findings go beside the report: to stderr as warnings, or nowhere while the report is written. */
  readonly warnings: Warnings;
  /** Whether the deep guard runs: processes that native code makes are guarded, too. */
  readonly deep?: boolean;
  /** The folder of `closefds audit`, in a process that it started. */
  readonly audit: string | undefined;
}

type Warnings = 'stderr' | 'report';
export const WARNINGS: readonly Warnings[] = ['stderr', 'report'];

export interface ReportSettings {
  /** An absolute path, in which `%p` stands for the pid; or `fd:1`, `fd:2` for stdout and stderr. */
  readonly file: string;
  /** Whether it is stdout or stderr. */
  readonly isStream?: true;
  /** The longest time between two writes of counts, in milliseconds. */
  readonly interval: number;
}

export interface SettingsSources extends StartedProgram {
  /** The mode of the entry point, if it has one. */
  readonly entryMode: Mode | undefined;
}

/** Throws ERR_CLOSEFDS_CONFIG, with all mistakes in the variables and in the config. */
export function readSettings({ entryMode, env, script, cwd }: SettingsSources): Settings {
  const mistakes = new Mistakes();
  for (const name of unknownVariables(env)) mistakes.attempt(() => parsing().refuseVariable(name, VARIABLES));
  const start = startFolder(script, cwd);
  const app = start === undefined ? undefined : findApp(start);
  const { CLOSEFDS_CONFIG: named } = env;
  const configFile = mistakes.attempt(() => (named ? explicitConfig(named, cwd) : app?.found));
  const config = mistakes.attempt(() => configFile && readConfig(configFile, Boolean(named))) || NO_CONFIG;
  const envMode = mistakes.attempt(() => choiceOf(env, 'CLOSEFDS_MODE', MODES));
  const report = mistakes.attempt(() => reportSettings(config.report, app?.appRoot, env, cwd));
  const announce = mistakes.attempt(() => choiceOf(env, 'CLOSEFDS_ANNOUNCE', ['1', '0']));
  const deep = mistakes.attempt(() => choiceOf(env, 'CLOSEFDS_DEEP', ['1', '0']));
  const warnings = mistakes.attempt(() => choiceOf(env, 'CLOSEFDS_WARNINGS', WARNINGS));
  mistakes.throwIfAny();

  return {
    mode: envMode ?? entryMode ?? config.mode ?? 'enforce',
    config,
    configFile,
    appRoot: app?.appRoot ?? path.parse(process.execPath).root,
    announce: announce === undefined ? config.announce : announce === '1',
    warnings: warnings ?? 'stderr',
    deep: deep === undefined ? (config.deep ?? false) : deep === '1',
    audit: env[AUDIT_VARIABLE] || undefined,
    script: script && resolveFrom(cwd, script),
    app: env.CLOSEFDS_APP || app?.title,
    report: undefined,
    ...report,
  };
}

/** A config that cannot be found is an error. */
function explicitConfig(file: string, cwd: string | undefined): string {
  const absolute = resolveFrom(cwd, file);
  if (absolute !== undefined) return absolute;
  throw new ClosefdsError(
    'ERR_CLOSEFDS_CONFIG',
    `CLOSEFDS_CONFIG: expected an absolute path, because the current folder was deleted, found "${file}".`,
  );
}

/** Like path.resolve(), which throws without a current folder. */
function resolveFrom(folder: string | undefined, file: string): string | undefined {
  if (folder !== undefined) return path.resolve(folder, file);
  return path.isAbsolute(file) ? path.resolve(file) : undefined;
}

/** The value of a variable; undefined if it is empty. */
function choiceOf<T extends string>(
  env: SettingsSources['env'],
  name: string,
  values: readonly T[],
): T | undefined {
  const text = env[name];
  if (!text) return undefined;
  return values.includes(text as T) ? (text as T) : parsing().parseChoice(text, values, name);
}

/** Loaded only if there is a config: it is a fifth of the code that a start reads. */
function parsing(): typeof Parsing {
  return require('./parse-config') as typeof Parsing;
}

const INTERVAL_SECONDS = 60;

/** The longest time of a timer: 2 ** 31 - 1 milliseconds. */
const MOST_SECONDS = 2_147_483;

function reportSettings(
  configured: string | undefined,
  appRoot: string | undefined,
  { CLOSEFDS_REPORT: file, CLOSEFDS_REPORT_INTERVAL: interval }: SettingsSources['env'],
  cwd: string | undefined,
): Pick<Settings, 'report' | 'reportProblem'> {
  const seconds = interval ? Number(interval) : INTERVAL_SECONDS;
  if (!(seconds > 0 && seconds <= MOST_SECONDS))
    throw new ClosefdsError(
      'ERR_CLOSEFDS_CONFIG',
      `CLOSEFDS_REPORT_INTERVAL: expected seconds, more than 0 and at most ${MOST_SECONDS}, found "${interval}".`,
    );
  const chosen = file || configured;
  if (!chosen) return { report: undefined };
  const stream = streamOf(chosen);
  if (stream !== undefined) return { report: { file: stream, isStream: true, interval: seconds * 1000 } };
  const absolute = resolveFrom(file ? cwd : appRoot, chosen);
  if (absolute !== undefined) return { report: { file: absolute, interval: seconds * 1000 } };
  const reportProblem = `no report is written to "${chosen}": the path is relative, and the current folder was deleted`;
  return { report: undefined, reportProblem };
}

/**
 * Names of stdout and stderr as a place for a report: `fd:1` or `fd:2`. Undefined for the name of a file. Throws
 * for other FDs, which have another meaning in each child.
 */
export function streamOf(place: string): string | undefined {
  const [, fd, name] =
    /^(?:(?:fd:|\/dev\/fd\/|\/proc\/self\/fd\/)(\d+)|(?:\/dev\/)?(stdout|stderr))$/.exec(place) ?? [];
  if (name !== undefined) return name === 'stdout' ? 'fd:1' : 'fd:2';
  if (fd === undefined) return undefined;
  if (fd === '1' || fd === '2') return `fd:${fd}`;
  throw new ClosefdsError(
    'ERR_CLOSEFDS_CONFIG',
    `the report: expected a file, stdout (fd:1) or stderr (fd:2), found "${place}".`,
  );
}

// ---------------------------------------------------------------------------------------------
// The app's root
// ---------------------------------------------------------------------------------------------

const KEY = '#/closefds';

/** The folder of the program, but not inside of a dependency: a package must not bring its own policy. */
export function startFolder(script: string | undefined, cwd: string | undefined): string | undefined {
  if (script === undefined) return cwd;
  const file = resolveFrom(cwd, script);
  if (file === undefined) return undefined;
  const folder = path.dirname(realPath(file));
  const inside = `${folder}${path.sep}`.indexOf(`${path.sep}node_modules${path.sep}`);
  return inside === -1 ? folder : folder.slice(0, inside) || path.sep;
}

function realPath(file: string): string {
  try {
    return fs.realpathSync.native(file);
  } catch {
    // The file does not exist (Node may add an extension), or access is denied.
    return file;
  }
}

/**
 * Searches from the program's folder upwards for the first config, up to the first package.json with a name
 * (a bare {"type": "module"} only marks a folder). Not further: a file in /tmp or in a home directory is not
 * the policy of this app.
 */
export function findApp(start: string): FoundApp {
  for (let folder = start; ; folder = path.dirname(folder)) {
    // Without path.join(), which looks at each character: a start does this for each folder above the program.
    const inFolder = folder.endsWith(path.sep) ? folder : folder + path.sep;
    const config = `${inFolder}closefds.json`;
    const manifest = `${inFolder}package.json`;
    const json = readManifest(manifest);
    const title = titleOf(json);
    if ((folder === start || json !== undefined) && lstat(config) !== undefined)
      return { appRoot: folder, found: config, title };
    if (json?.closefds !== undefined) return { appRoot: folder, found: manifest + KEY, title };
    if (title !== undefined) return { appRoot: folder, found: undefined, title };
    if (path.dirname(folder) === folder) return { appRoot: start, found: undefined, title };
  }
}

interface FoundApp {
  readonly appRoot: string;
  readonly found: string | undefined;
  readonly title: string | undefined;
}

function titleOf({ name, version }: AppManifest = {}): string | undefined {
  if (typeof name !== 'string') return undefined;
  return typeof version === 'string' ? `${name}@${version}` : name;
}

interface AppManifest {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly closefds?: unknown;
}

/** Most of these files do not exist, and an error with its stack takes longer than the system call. */
const QUIETLY = { throwIfNoEntry: false } as const;

/** Does not follow a link: a broken or circular link is a wrong config, not a missing one. */
function lstat(file: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(file, QUIETLY);
  } catch {
    return undefined;
  }
}

/** Ignores a manifest that cannot be read, unless it has a config: Node or npm reports it. */
function readManifest(file: string): AppManifest | undefined {
  let text: string;
  try {
    // Reading a FIFO would wait for a writer, and /dev/zero has no end.
    if (!fs.statSync(file, QUIETLY)?.isFile()) return undefined;
    text = fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch {
    return undefined;
  }
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? json : undefined;
  } catch {
    return text.includes('"closefds"') ? { closefds: text } : undefined;
  }
}

// ---------------------------------------------------------------------------------------------
// Read the config
// ---------------------------------------------------------------------------------------------

const LARGEST = 1024 * 1024;

/**
 * Reads the config of a file, or of a package.json if the name ends in `#/closefds`. `isNamed`: the operator
 * named the file. A file that was found by searching is refused if another user may have written it.
 */
export function readConfig(name: string, isNamed = true): Config {
  const isKey = name.endsWith(KEY);
  const file = isKey ? name.slice(0, -KEY.length) : name;
  let text: string;
  try {
    text = readText(file, target => (isNamed ? undefined : whyNotTaken(name, file, target)));
  } catch (error) {
    const what = (error as Error).message.replace(/\.$/, '');
    throw new ClosefdsError('ERR_CLOSEFDS_CONFIG', `${file}: ${what}.`, { cause: error });
  }
  return parsing().parseConfigText(text, name);
}

/** The file of another user would decide which FDs the children of this process get. */
function whyNotTaken(name: string, file: string, target: fs.Stats): string | undefined {
  const problem = whyNotTrusted(file, lstat(file) ?? target, target);
  return (
    problem &&
    `${problem}, so another user could choose this process's policy. If you trust it, name it: CLOSEFDS_CONFIG=${name}`
  );
}

function readText(file: string, whyNot: (target: fs.Stats) => string | undefined): string {
  // Non-blocking: opening a FIFO would wait for a writer.
  const fd = fs.openSync(file, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0));
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isFile())
      throw new Error(
        `expected a file, found ${stat.isDirectory() ? 'a directory' : 'a device, pipe or socket'}`,
      );
    const problem = whyNot(stat);
    if (problem !== undefined) throw new Error(problem);
    if (stat.size > LARGEST) throw new Error(`expected at most ${LARGEST} bytes, found ${stat.size}`);
    const bytes = fs.readFileSync(fd);
    const { isUtf8 } = require('node:buffer') as typeof Buffer;
    if (!isUtf8(bytes)) throw new Error('expected UTF-8 text, found bytes that are not');
    return bytes.toString('utf8');
  } finally {
    fs.closeSync(fd);
  }
}
