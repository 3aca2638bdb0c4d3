// Reads the settings of the operator: environment, config file, entry point.

import type * as Buffer from 'node:buffer';

import fs = require('node:fs');
import path = require('node:path');

import { ClosefdsError } from '../base/errors';
import { type Config, NO_CONFIG } from './config';
import { whyNotTrusted } from './config-owner';
import type * as Parsing from './parse-config';
import { MODES, type Mode } from './rule';

/** The environment variable with the path of the folder. */
export const AUDIT_VARIABLE = 'CLOSEFDS_AUDIT';

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
  /** Why the requested report file cannot be written. */
  readonly reportProblem?: string;
  /** Whether the deep guard runs: processes that native code makes are guarded, too. */
  readonly deep?: boolean;
  /** The folder of `closefds audit`, in a process that it started. */
  readonly audit: string | undefined;
}

export interface ReportSettings {
  /** An absolute path, in which `%p` stands for the pid. */
  readonly file: string;
  /** The longest time between two writes of counts, in milliseconds. */
  readonly interval: number;
}

export interface SettingsSources {
  /** The mode of the entry point, if it has one. */
  readonly entryMode: Mode | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The main script, if there is one. */
  readonly script: string | undefined;
  /** undefined: it was deleted, so only absolute paths can be resolved. */
  readonly cwd: string | undefined;
}

/** Throws ERR_CLOSEFDS_CONFIG. */
export function readSettings({ entryMode, env, script, cwd }: SettingsSources): Settings {
  const start = startFolder(script, cwd);
  const app = start === undefined ? undefined : findApp(start);
  const configFile = env.CLOSEFDS_CONFIG ? explicitConfig(env.CLOSEFDS_CONFIG, cwd) : app?.found;
  const config = configFile === undefined ? NO_CONFIG : readConfig(configFile, Boolean(env.CLOSEFDS_CONFIG));
  const envMode = env.CLOSEFDS_MODE;

  return {
    mode: (envMode ? modeOf(envMode) : entryMode) ?? config.mode ?? 'enforce',
    config,
    configFile,
    appRoot: app?.appRoot ?? path.parse(process.execPath).root,
    deep: deepSetting(env.CLOSEFDS_DEEP, config.deep),
    audit: env[AUDIT_VARIABLE] || undefined,
    script: script && resolveFrom(cwd, script),
    app: env.CLOSEFDS_APP || app?.title,
    ...reportSettings(config.report, app?.appRoot, env, cwd),
  };
}

function deepSetting(variable: string | undefined, configured: boolean | undefined): boolean {
  if (variable === undefined || variable === '') return configured ?? false;
  if (variable === '1' || variable === '0') return variable === '1';
  throw new ClosefdsError(
    'ERR_CLOSEFDS_CONFIG',
    `CLOSEFDS_DEEP: expected 1 or 0, found ${JSON.stringify(variable)}.`,
  );
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

function modeOf(text: string): Mode {
  return MODES.includes(text as Mode) ? (text as Mode) : parsing().parseMode(text, 'CLOSEFDS_MODE');
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
  const absolute = resolveFrom(file ? cwd : appRoot, chosen);
  if (absolute !== undefined) return { report: { file: absolute, interval: seconds * 1000 } };
  const reportProblem = `no report is written to "${chosen}": the path is relative, and the current folder was deleted`;
  return { report: undefined, reportProblem };
}

// ---------------------------------------------------------------------------------------------
// The app's root
// ---------------------------------------------------------------------------------------------

const KEY = '#/closefds';

/** The folder of the program, but not inside of a dependency: a package must not bring its own policy. */
function startFolder(script: string | undefined, cwd: string | undefined): string | undefined {
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
function findApp(start: string): FoundApp {
  for (let folder = start; ; folder = path.dirname(folder)) {
    const config = path.join(folder, 'closefds.json');
    const manifest = path.join(folder, 'package.json');
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
