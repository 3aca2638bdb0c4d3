// What reports may not name: the user's globs (`redact` in the config) over the free texts of a finding.

import { matchesGlob } from '../base/glob';
import type { Caller } from '../model/caller';
import type { ProgramUse, Use } from '../model/fd-use';
import type { SpawnFinding } from './finding';

export const REDACTED = '[redacted]';

type Redact = <T extends string | undefined>(text: T) => T | typeof REDACTED;

/** What remains free text is made by closefds, or is written in the config: rules, reasons, package names. */
export function redactFinding(finding: SpawnFinding, globs: readonly string[]): SpawnFinding {
  const redact = redactBy(globs);
  return {
    ...finding,
    target: redact(finding.target),
    command: redact(withoutArguments(finding.command)),
    announcement: redact(finding.announcement),
    caller: finding.caller && redactCaller(finding.caller, redact),
  };
}

/** Programs that an audit saw. */
export function redactUse(use: Use, globs: readonly string[]): Use {
  const redact = redactBy(globs);
  const redactProgram = <T extends ProgramUse>(one: T): T =>
    one.program === undefined ? one : { ...one, program: redact(one.program) };
  const { heirs } = use;
  return { ...redactProgram(use), ...(heirs !== undefined && { heirs: heirs.map(redactProgram) }) };
}

function redactBy(globs: readonly string[]): Redact {
  return text => (text !== undefined && globs.some(glob => matchesGlob(text, glob)) ? REDACTED : text);
}

/** `/home/alice/app/src/run.js` may be secret where `src/run.js` is not: then the latter names the file. */
function redactCaller(caller: Caller, redact: Redact): Caller {
  const fileInPackage = redact(caller.fileInPackage);
  const isSecret = redact(caller.file) === REDACTED;
  const file = fileInPackage === REDACTED ? REDACTED : isSecret ? (fileInPackage ?? REDACTED) : caller.file;
  return { ...caller, file, fileInPackage, function: redact(caller.function) };
}

/**
 * A program that gives spawn() a whole command line as the file gets ENOENT, and its finding would hold the
 * arguments. No program that is looked for in PATH has a space in its name; one with a path may.
 */
function withoutArguments(command: string): string {
  const start = /^[^\s/\\]+(?=\s)/.exec(command) ?? /^.*?(?=\s-)/s.exec(command);
  return start === null ? command : start[0];
}
