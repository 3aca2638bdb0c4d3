// Finds the caller: from a stack to a package.
//
// All of this works with stack-trace hooks of user code, a stack limit of 0, frozen intrinsics and patched
// file systems.

import fs = require('node:fs');
import path = require('node:path');
import url = require('node:url');
import util = require('node:util');

import { type Location, locate } from '../base/package-path';
import { APP, type Caller, UNKNOWN } from '../model/caller';
import type { CallSites } from './stack';

// Captured at load: tests mock these.
const OriginalError = Error;
const { readFileSync } = fs;
const { getCallSites } = util as { getCallSites?: (count: number, options: object) => PlainCallSite[] };

export interface CallerOptions {
  /** The folder where a package.json or closefds.json names the app. Paths below it are reported relative to it. */
  readonly appRoot: string;
  /** Folders whose files are closefds itself. */
  readonly own: readonly string[];
  /** Whether a package starts processes on behalf of its own caller. */
  readonly isLauncher: (name: string, version: string | undefined) => boolean;
  /** The stack of this moment, as deep as any caller is. */
  readonly wholeStack: () => CallSites;
}

/** One call on the stack, innermost first. */
interface Frame {
  readonly file: string | undefined;
  /** Read for the caller's frame only, since V8 has to count lines for it. */
  readonly position: () => SourcePosition;
}

interface SourcePosition {
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly function: string | undefined;
}

interface InstalledPackage {
  readonly name: string;
  readonly root: string;
  readonly version: string | undefined;
  readonly declaredName: string | undefined;
}

/** Returns a function that finds the caller on the current stack. `near` is what was captured when the call came in. */
export function createCallerFinder(options: CallerOptions): (near?: CallSites) => Caller | undefined {
  const packages = new Map<string, InstalledPackage>();

  return function findCaller(near) {
    if (near !== undefined) {
      const frames = near.text === undefined ? framesOf(near.sites) : fromText(near.text);
      const { caller, isSettled } = search(frames);
      if (isSettled || near.isAll) return caller;
    }
    return search(everyFrame(options.wholeStack())).caller;
  };

  /** `isSettled`: frames further out change nothing. */
  function search(frames: Iterable<Frame>): {
    readonly caller: Caller | undefined;
    readonly isSettled: boolean;
  } {
    const launchers: string[] = [];
    let launcher: Caller | undefined;
    let placeless: Frame | undefined;

    for (const frame of frames) {
      if (isNodes(frame) || isOwn(frame)) continue;
      if (!isPlace(frame.file)) {
        // Code without a file (vm, data: URLs): the code that ran it is further out and has a file.
        placeless ??= frame;
        continue;
      }
      const caller = toCaller(frame, launchers);
      if (caller.name === APP || !options.isLauncher(caller.declaredName ?? caller.name, caller.version))
        return { caller, isSettled: true };
      placeless = undefined;
      launcher ??= caller;
      if (!launchers.includes(caller.name)) launchers.push(caller.name);
    }
    if (placeless !== undefined) return { caller: nameless(placeless, launchers), isSettled: false };
    // A launcher whose own caller is not on this stack any more.
    return { caller: launcher && { ...launcher, launchers: [] }, isSettled: false };
  }

  function isOwn(frame: Frame): boolean {
    return options.own.some(folder => frame.file?.startsWith(folder + path.sep));
  }

  function toCaller(frame: Frame, launchers: readonly string[]): Caller {
    const { file } = frame;
    const installed = file === undefined ? undefined : installedPackage(file);
    const root = installed?.root ?? options.appRoot;
    return {
      name: installed?.name ?? APP,
      version: installed?.version,
      declaredName: installed?.declaredName,
      file,
      fileInPackage: file !== undefined && path.isAbsolute(file) ? relative(root, file) : undefined,
      ...frame.position(),
      launchers: [...launchers],
    };
  }

  function installedPackage(file: string): InstalledPackage | undefined {
    const location = locate(file, path.sep);
    if (location === undefined) return undefined;
    let known = packages.get(location.root);
    if (known === undefined) {
      known = read(location);
      packages.set(location.root, known);
    }
    return known;
  }
}

/** No frame with a file is on the stack. Such code is not the app: it must not get what the app may do. */
function nameless(frame: Frame, launchers: readonly string[]): Caller {
  const nothing = { version: undefined, declaredName: undefined, fileInPackage: undefined };
  return { name: UNKNOWN, ...nothing, file: frame.file, ...frame.position(), launchers };
}

function relative(root: string, file: string): string {
  return path.relative(root, file).split(path.sep).join('/');
}

// ---------------------------------------------------------------------------------------------
// Packages
// ---------------------------------------------------------------------------------------------

function read({ name, root }: Location): InstalledPackage {
  const json = readPackageJson(path.join(root, 'package.json'));
  const declared = typeof json?.name === 'string' ? json.name : undefined;
  return {
    name: name ?? declared ?? path.basename(path.dirname(root)),
    root,
    version: typeof json?.version === 'string' ? json.version : undefined,
    declaredName: name === undefined || declared === name ? undefined : declared,
  };
}

function readPackageJson(file: string): { name?: unknown; version?: unknown } | undefined {
  // The function in force now comes second: Yarn PnP replaces it to read zip files.
  for (const readFile of new Set([readFileSync, fs.readFileSync])) {
    try {
      const json: unknown = JSON.parse(readFile(file, 'utf8').replace(/^\uFEFF/, ''));
      if (typeof json === 'object' && json !== null) return json;
    } catch {
      // Not there, not allowed, not JSON: then the package has a name and no version.
    }
  }
  return undefined;
}

// ---------------------------------------------------------------------------------------------
// Frames
// ---------------------------------------------------------------------------------------------

function isNodes(frame: Frame): boolean {
  return frame.file?.startsWith('node:') ?? true;
}

/** `[eval]`, `[stdin]`, `[worker eval]`, `REPL1`: given on the command line, so the app's. */
function isPlace(file: string | undefined): boolean {
  return file !== undefined && (path.isAbsolute(file) || /^(?:\[[\w ]+\]|REPL\d+)$/.test(file));
}

function everyFrame({ sites, complete }: CallSites): Iterable<Frame> {
  if (complete) return framesOf(sites);
  // User code froze the hook or the limit. Each other way sees less: no async frames, or ten frames.
  return [plainCallSites(), fromText(stackText())].reduce(longer, sites.map(fromCallSite));
}

/** Lazily: the caller is among the first frames. */
function* framesOf(sites: readonly NodeJS.CallSite[]): Generator<Frame> {
  for (const site of sites) yield fromCallSite(site);
}

function longer(a: readonly Frame[], b: readonly Frame[]): readonly Frame[] {
  return b.length > a.length ? b : a;
}

function fromCallSite(site: NodeJS.CallSite): Frame {
  const file = site.getFileName() ?? undefined;
  const name = () => site.getFunctionName() ?? undefined;
  if (file === undefined && site.isEval()) {
    const { file, line, column } = fromEvalOrigin(site.getEvalOrigin());
    return { file, position: () => ({ line, column, function: name() }) };
  }
  return {
    file: toPath(file),
    position: () => ({
      line: site.getLineNumber() ?? undefined,
      column: site.getColumnNumber() ?? undefined,
      function: name(),
    }),
  };
}

/**
 * The file of the outermost eval(): `eval at run (eval at <anonymous> (/app/x.js:3:1), <anonymous>:1:1)`.
 * Code that names itself (`//# sourceURL=`) has its own word for an origin, and that is no evidence.
 */
function fromEvalOrigin(origin: string | undefined): Pick<Frame, 'file'> & Omit<SourcePosition, 'function'> {
  let place = origin ?? '';
  for (let inner = unwrapEval(place); inner !== undefined; inner = unwrapEval(place)) place = inner;
  const match = place === origin ? null : /^(.+):(\d+):(\d+)$/s.exec(place);
  if (match === null) return { file: shorten(`eval ${place}`), line: undefined, column: undefined };
  return { file: toPath(match[1]), line: Number(match[2]), column: Number(match[3]) };
}

function unwrapEval(origin: string): string | undefined {
  return /^eval at .*? \((.*)\)(?:, [^,]*:\d+:\d+)?$/s.exec(origin)?.[1];
}

function plainCallSites(): readonly Frame[] {
  // In Bun a hook of others decides what this returns.
  const sites: unknown = getCallSites?.(100, { sourceMap: false });
  return Array.isArray(sites) ? sites.map(fromPlainCallSite) : [];
}

interface PlainCallSite {
  readonly scriptName: string;
  readonly lineNumber: number;
  readonly columnNumber?: number;
  readonly column?: number;
  readonly functionName: string;
}

function fromPlainCallSite(site: PlainCallSite): Frame {
  const position = {
    line: site.lineNumber,
    column: site.columnNumber ?? site.column,
    function: site.functionName || undefined,
  };
  return { file: toPath(site.scriptName || undefined), position: () => position };
}

function stackText(): string {
  try {
    const { stack }: { stack?: unknown } = new OriginalError();
    return typeof stack === 'string' ? stack : '';
  } catch {
    // A hook of user code that throws and cannot be replaced.
    return '';
  }
}

/** V8's own text, `at name (file:line:column)`. */
function fromText(stack: string): Frame[] {
  return stack.split('\n').flatMap(line => {
    const match = /^ +at (?:async )?(?:(.+?) \((.+):(\d+):(\d+)\)|(.+):(\d+):(\d+))$/.exec(line);
    if (match === null) return [];
    const [, name, ...place] = match;
    const [file, row, column] = name === undefined ? place.slice(3) : place;
    const position = { line: Number(row), column: Number(column), function: name };
    return { file: toPath(file), position: () => position };
  });
}

/** Modules of the command line get a name in the current folder, which says nothing about them. */
const COMMAND_LINE_MODULE = /^\[eval\d+\]$/;

function toPath(name: string | undefined): string | undefined {
  if (name === undefined || path.isAbsolute(name)) return name;
  if (!name.startsWith('file://')) return shorten(name);
  try {
    const file = url.fileURLToPath(name);
    return COMMAND_LINE_MODULE.test(path.basename(file)) ? path.basename(file) : file;
  } catch {
    return shorten(name);
  }
}

/** A data: URL holds the whole program. */
function shorten(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100)}...` : name;
}
