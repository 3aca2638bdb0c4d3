// Redacts findings: applies the user's globs (`redact` in the config) to their free texts.

import { matchesGlob } from '../base/glob';
import type { Caller, CodePlace } from '../model/caller';
import type { ProgramUse, Use } from '../model/fd-use';
import type { NativeOrigin, SpawnFinding } from './finding';

export const REDACTED = '[redacted]';

type Redact = <T extends string | undefined>(text: T) => T | typeof REDACTED;

/** The other texts come from closefds, the config or package names: rules, reasons, versions. */
export function redactFinding(finding: SpawnFinding, globs: readonly string[]): SpawnFinding {
  const redact = redactBy(globs);
  return {
    ...finding,
    target: redact(finding.target),
    command: redact(withoutArguments(finding.command)),
    announcement: redact(finding.announcement),
    caller: finding.caller && redactCaller(finding.caller, redact),
    ...(finding.native !== undefined && { native: redactNative(finding.native, redact) }),
  };
}

function redactNative(native: NativeOrigin, redact: Redact): NativeOrigin {
  const { object, program } = native;
  return {
    ...native,
    ...(object !== undefined && { object: redact(object) }),
    ...(program !== undefined && { program: redact(program) }),
  };
}

/** Redacts the paths of programs that an audit saw. */
export function redactUse(use: Use, globs: readonly string[]): Use {
  const redact = redactBy(globs);
  const redactProgram = <T extends ProgramUse>(one: T): T =>
    one.program === undefined ? one : { ...one, program: redact(one.program) };
  const { heirs } = use;
  return { ...redactProgram(use), ...(heirs !== undefined && { heirs: heirs.map(redactProgram) }) };
}

export function redactText(text: string | undefined, globs: readonly string[]): string | undefined {
  return redactBy(globs)(text);
}

function redactBy(globs: readonly string[]): Redact {
  return text => (text !== undefined && globs.some(glob => matchesGlob(text, glob)) ? REDACTED : text);
}

function redactCaller({ calledBy, launchers, ...place }: Caller, redact: Redact): Caller {
  return {
    ...redactPlace(place, redact),
    launchers,
    ...(calledBy !== undefined && { calledBy: calledBy.map(outer => redactPlace(outer, redact)) }),
  };
}

function redactPlace({ source, ...place }: CodePlace, redact: Redact): CodePlace {
  return {
    ...place,
    ...redactPaths(place, redact),
    function: redact(place.function),
    ...(source !== undefined && { source: { ...source, ...redactPaths(source, redact) } }),
  };
}

/** If only the absolute path is secret (`/home/alice/app/src/run.js`), the relative one (`src/run.js`) replaces it. */
function redactPaths<T extends string | undefined>(
  paths: { readonly file: T; readonly fileInPackage: T },
  redact: Redact,
) {
  const fileInPackage = redact(paths.fileInPackage);
  const isSecret = redact(paths.file) === REDACTED;
  const file = fileInPackage === REDACTED ? REDACTED : isSecret ? (fileInPackage ?? REDACTED) : paths.file;
  return { file, fileInPackage };
}

/**
 * A program that gives spawn() a whole command line as the file gets ENOENT, and its finding would hold the
 * arguments. No program that is looked for in PATH has a space in its name; one with a path may.
 */
function withoutArguments(command: string): string {
  const start = /^[^\s/\\]+(?=\s)/.exec(command) ?? /^.*?(?=\s-)/s.exec(command);
  return start === null ? command : start[0];
}
