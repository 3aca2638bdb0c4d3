// Shows that closefds is in force, for health checks and at start.

import fs = require('node:fs');
import path = require('node:path');

import { DIST } from '../base/dist-folder';
import { escapeControlChars } from '../base/sanitize';
import { whyNotWritable } from '../findings/report-place';
import type { Mode } from '../policy/rule';
import type { Mechanism, SpawnMethod } from '../strays/stray-guard';
import { type Installed, installed } from './installed';

/** What `status()` returns: the state of closefds in the calling thread. */
export interface Status {
  /** Whether the preload has run in this thread. Without it, no child is guarded. */
  readonly loaded: boolean;
  /** The version of the copy that is loaded; if none is, of the copy that was asked. */
  readonly version: string;
  /** undefined, as all that follows, if closefds is not loaded. */
  readonly mode: Mode | undefined;
  /** The config file; ends in `#/closefds` for the key of a package.json. undefined: none was found. */
  readonly configFile: string | undefined;
  /** The report file, or `fd:1` or `fd:2`; undefined: none is written. */
  readonly report: string | undefined;
  /** Why the report cannot be written now. */
  readonly reportProblem: string | undefined;
  /** How strays were kept from the last child; `nothing` before the first, and in mode `off`. */
  readonly mechanism: Mechanism | undefined;
  /** How this Node creates processes; `unknown` before the first. */
  readonly spawnMethod: SpawnMethod | undefined;
  /** FDs that were reported so far, summed over the spawns of this thread. */
  readonly findings: StatusCounts;
}

/** Numbers of FDs by what became of them, and of findings by their codes. */
export interface StatusCounts {
  readonly passed: number;
  readonly closed: number;
  readonly refused: number;
  readonly codes: Readonly<Record<string, number>>;
}

const NOTHING_FOUND: StatusCounts = { passed: 0, closed: 0, refused: 0, codes: {} };

/** The state of closefds in this thread: whether it is loaded, its settings, and what it found so far. */
export function status(): Status {
  const state = installed();
  const { report, reportProblem } = reportOf(state);
  return {
    loaded: state !== undefined,
    version: versionOf(state?.copy ?? path.dirname(DIST)),
    mode: state?.mode,
    configFile: state?.settings.configFile,
    report,
    reportProblem,
    mechanism: state && (state.strayGuard?.way() ?? 'nothing'),
    spawnMethod: state && (state.strayGuard?.spawning() ?? 'unknown'),
    // Another copy of closefds, of a version without counts, may be loaded.
    findings: state?.counts?.() ?? NOTHING_FOUND,
  };
}

function reportOf(state: Installed | undefined): Pick<Status, 'report' | 'reportProblem'> {
  const { report, reportProblem } = state?.settings ?? {};
  if (report === undefined || state?.mode === 'off') return { report: undefined, reportProblem };
  const place = report.file.replaceAll('%p', String(process.pid));
  return { report: place, reportProblem: whyNotWritable(place) };
}

/** Of each copy that was asked for. Read once: later the folder may be gone, or the file system a mock. */
const versions = new Map<string, string>();
const OWN_COPY = path.dirname(DIST);
const OWN_VERSION = versionOf(OWN_COPY);

/** The version of a copy; that of this one where the other copy's package.json cannot be read. */
function versionOf(folder: string): string {
  const known = versions.get(folder);
  if (known !== undefined) return known;
  try {
    const text = fs.readFileSync(path.join(folder, 'package.json'), 'utf8');
    const { version } = JSON.parse(text) as { version: string };
    versions.set(folder, version);
    return version;
  } catch {
    return folder === OWN_COPY ? 'unknown' : OWN_VERSION;
  }
}

/** Prints one line to stderr. Never throws. */
export function announce(): void {
  try {
    fs.writeSync(2, `${escapeControlChars(toLine(status()))}\n`);
  } catch {
    // stderr is closed.
  }
}

function toLine({ version, mode, configFile, report, mechanism }: Status): string {
  const facts = [
    `pid ${process.pid}`,
    `mode ${mode}`,
    `config ${configFile ?? 'none'}`,
    `report ${report ?? 'none'}`,
    // In warn, nothing is closed, so there is no mechanism before a rule denies.
    ...(mechanism === 'nothing' ? [] : [`strays closed by ${mechanism}`]),
  ];
  return `closefds ${version} is loaded: ${facts.join(', ')}`;
}
