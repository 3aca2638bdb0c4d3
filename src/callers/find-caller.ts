// Finds the package that called, from the stack.
//
// All of this works with stack-trace hooks of user code, a stack limit of 0, frozen intrinsics, and a patched
// file system.

import fs = require('node:fs');
import nodeModule = require('node:module');
import path = require('node:path');
import url = require('node:url');
import util = require('node:util');

import { type Location, locate } from '../base/package-path';
import { APP, type Caller, type CodePlace, UNKNOWN } from '../model/caller';
import { createForwardingCheck } from './forwarding';
import { sitesOfOtherRealm } from './other-realm';
import { createSourceFinder, sourceInPackage } from './source-place';
import { type CallSites, parseFrame } from './stack';

// Captured at load: tests mock these.
const OriginalError = Error;
const { readFileSync } = fs;
const { startsWith: startOf } = String.prototype;
const { apply } = Reflect;
const { getCallSites } = util as { getCallSites?: (count: number, options: object) => PlainCallSite[] };

export interface CallerOptions {
  /** The folder of the app's package.json or closefds.json. Paths of call sites are relative to it. */
  readonly appRoot: string;
  /** Folders whose files belong to closefds. */
  readonly own: readonly string[];
  /** Whether a package starts processes on behalf of its own caller. */
  readonly isLauncher: (name: string, version: string | undefined) => boolean;
  /** Captures the current stack, as deep as any caller is. */
  readonly wholeStack: () => CallSites;
}

/** One call on the stack, innermost first. */
interface Frame {
  readonly file: string | undefined;
  /** Called for frames of Node only. */
  readonly functionName: () => string | undefined;
  readonly site?: NodeJS.CallSite;
  /** Called for the caller's frame only: V8 has to count lines for it. */
  readonly position: () => FramePosition;
}

interface FramePosition {
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly function: string | undefined;
}

type PackageIdentity = Pick<CodePlace, 'name' | 'version' | 'declaredName'>;

interface InstalledPackage extends PackageIdentity {
  readonly root: string;
}

/**
 * Finds the package that called. `near` has the innermost frames of the stack. `isOutward`: also the packages
 * that called that one, for which V8 may have to walk the whole stack.
 */
export type CallerFinder = (near?: CallSites, isOutward?: boolean) => Caller | undefined;

interface SearchResult {
  readonly caller: Caller | undefined;
  /** Frames further out cannot change the result. */
  readonly isSettled: boolean;
}

/** A package on the stack: its innermost frame, and the files of all its frames up to the next package. */
interface Link {
  readonly place: CodePlace;
  readonly files: Set<string | undefined>;
}

/** Longer chains than this name frameworks, which say nothing about who wants a process. */
const MOST_OUTER_CALLERS = 4;

export function createCallerFinder(options: CallerOptions): CallerFinder {
  const { toPlace, packageOf } = createPlaces(options.appRoot);
  const isForwarding = createForwardingCheck(file => readFileSync(file, 'utf8'));
  const own = options.own.map((folder): readonly [string] => [folder + path.sep]);

  return function findCaller(near, isOutward = false) {
    if (near !== undefined && near.text === undefined) {
      const { caller, isSettled } = search(framesOf(near.sites), isOutward);
      if (isSettled || near.isAll) return caller;
    }
    return search(everyFrame(options.wholeStack()), isOutward).caller;
  };

  function search(frames: readonly Frame[], isOutward: boolean): SearchResult {
    const launchers: string[] = [];
    const chain: Link[] = [];
    let launcher: CodePlace | undefined;
    let placeless: Frame | undefined;
    let callee: string | undefined;

    for (const frame of frames) {
      if (isOwn(frame)) continue;
      if (isNodes(frame)) {
        if (launcher === undefined && placeless === undefined && chain.length === 0)
          callee = calleeOf(frame) ?? callee;
        continue;
      }
      if (!isPlace(frame.file)) {
        // Code without a file (vm, data: URLs): the code that ran it is an outer frame, and has a file.
        placeless ??= frame;
        continue;
      }
      if (chain.length > 0) {
        addOuter(chain, frame);
        if (isComplete(chain)) break;
        continue;
      }
      const place = toPlace(frame);
      if (!isLauncher(place)) {
        chain.push({ place, files: new Set([place.file]) });
        if (!isOutward || isComplete(chain)) break;
        continue;
      }
      placeless = undefined;
      launcher ??= place;
      if (!launchers.includes(place.name)) launchers.push(place.name);
    }
    if (chain.length > 0) {
      const isSettled = !isOutward || isComplete(chain);
      return { caller: withCallee(toCaller(chain, launchers)), isSettled };
    }
    if (placeless !== undefined)
      return { caller: withCallee(nameless(placeless, launchers)), isSettled: false };
    // No caller of the launcher is left on this stack, so the launcher is the caller.
    return { caller: launcher && withCallee({ ...launcher, launchers: [] }), isSettled: false };

    function withCallee(caller: Caller): Caller {
      return callee === undefined ? caller : { ...caller, callee };
    }
  }

  /** Frames of one package follow each other. */
  function addOuter(chain: Link[], frame: Frame): void {
    const { name, version, declaredName } = packageOf(frame.file);
    const inner = chain.at(-1);
    if (inner?.place.name === name && inner.place.version === version) inner.files.add(frame.file);
    else if (!isLauncher({ name, version, declaredName }))
      chain.push({ place: toPlace(frame), files: new Set([frame.file]) });
  }

  function toCaller(chain: readonly Link[], launchers: readonly string[]): Caller {
    const [caller, ...calledBy] = chain.map(({ place, files }, index) => {
      const hasOuter = index < chain.length - 1;
      const forwards = hasOuter && [...files].every(file => file !== undefined && isForwarding(file));
      return forwards ? { ...place, forwards } : place;
    });
    return { ...(caller as CodePlace), launchers, ...(calledBy.length > 0 && { calledBy }) };
  }

  function isLauncher({ name, declaredName, version }: PackageIdentity): boolean {
    return name !== APP && options.isLauncher(declaredName ?? name, version);
  }

  function isOwn({ file }: Frame): boolean {
    if (file === undefined) return false;
    for (let index = 0; index < own.length; index++)
      if (startsWith(file, own[index] as readonly [string])) return true;
    return false;
  }
}

/** Bounds what is remembered, for programs that generate files. */
const MOST_FILES = 10_000;

interface Places {
  readonly toPlace: (frame: Frame) => CodePlace;
  readonly packageOf: (file: string | undefined) => PackageIdentity;
}

/** Caches the packages and the source places. */
function createPlaces(appRoot: string): Places {
  const packages = new Map<string, InstalledPackage>();
  const filesInPackages = new Map<string, string>();
  const findSource = createSourceFinder();
  return { toPlace, packageOf };

  function toPlace(frame: Frame): CodePlace {
    const { file } = frame;
    const { name, version, declaredName, root } = packageOf(file);
    const fileInPackage = file && (path.isAbsolute(file) ? relativeOnce(root, file) : embeddedName(file));
    const position = frame.position();
    const { line, column, function: functionName } = position;
    const source = sourceOf(frame, position, root);
    const place = { name, version, declaredName, file, fileInPackage, line, column, function: functionName };
    return source === undefined ? place : { ...place, source };
  }

  function relativeOnce(root: string, file: string): string {
    const known = filesInPackages.get(file);
    if (known !== undefined) return known;
    const found = relative(root, file);
    if (filesInPackages.size < MOST_FILES) filesInPackages.set(file, found);
    return found;
  }

  function sourceOf({ file, site }: Frame, { line, column }: FramePosition, root: string) {
    if (file === undefined || line === undefined || column === undefined) return undefined;
    const found = findSource({ file, site, line, column });
    return found && { ...found, fileInPackage: sourceInPackage(found.file, root) };
  }

  function packageOf(file: string | undefined): InstalledPackage {
    const installed = file === undefined ? undefined : installedPackage(file);
    return installed ?? { name: APP, version: undefined, declaredName: undefined, root: appRoot };
  }

  function installedPackage(file: string): InstalledPackage | undefined {
    const location = locate(file, path.sep);
    if (location === undefined) return undefined;
    const known = packages.get(location.root);
    if (known !== undefined) return known;
    const found = read(location);
    // Without a version, its package.json could not be read, perhaps in a mock of the file system: try again later.
    if (found.version !== undefined) packages.set(location.root, found);
    return found;
  }
}

function isComplete(chain: readonly Link[]): boolean {
  return chain.length > MOST_OUTER_CALLERS || chain.at(-1)?.place.name === APP;
}

/** No frame has a file. Such a caller is not the app: it must not get what rules allow the app. */
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
  // The current function is tried second: Yarn PnP replaces it, to read from zip files.
  for (const readFile of new Set([readFileSync, fs.readFileSync])) {
    try {
      const json: unknown = JSON.parse(readFile(file, 'utf8').replace(/^\uFEFF/, ''));
      if (typeof json === 'object' && json !== null) return json;
    } catch {
      // Missing, not readable or not JSON: the package has a name and no version.
    }
  }
  return undefined;
}

// ---------------------------------------------------------------------------------------------
// Frames
// ---------------------------------------------------------------------------------------------

function isNodes({ file }: Frame): boolean {
  return file === undefined || startsWith(file, NODE);
}

const NODE = ['node:'] as const;

/** With the argument as a list, nothing is allocated: each spawn with strays asks for each frame. */
function startsWith(text: string, start: readonly [string]): boolean {
  return apply(startOf, text, start);
}

/** Functions that start a process by one of the others. The synchronous ones do not: each has a hook of its own. */
const CALLEES: ReadonlySet<string> = new Set(['exec', 'execFile', 'fork', 'spawn']);

function calleeOf(frame: Frame): string | undefined {
  if (frame.file !== 'node:child_process') return undefined;
  // `Object.execFile` in the text of a stack.
  const name = frame.functionName();
  if (name === undefined) return undefined;
  const last = name.slice(name.lastIndexOf('.') + 1);
  return CALLEES.has(last) ? last : undefined;
}

/** `[eval]`, `[stdin]`, `[worker eval]`, `REPL1`: code from the command line belongs to the app. */
function isPlace(file: string | undefined): boolean {
  if (file === undefined) return false;
  return path.isAbsolute(file) || /^(?:\[[\w ]+\]|REPL\d+)$/.test(file) || isEmbedded(file);
}

function embeddedName(file: string): string | undefined {
  return isEmbedded(file) ? file : undefined;
}

/** In a single executable application, the main program has the name from the configuration that built it. */
function isEmbedded(file: string): boolean {
  return isSea() && /^[\w@.-]+(?:\/[\w@.-]+)*$/.test(file);
}

let sea: boolean | undefined;

function isSea(): boolean {
  sea ??= nodeModule.isBuiltin('node:sea') && (require('node:sea') as { isSea(): boolean }).isSea();
  return sea;
}

function everyFrame({ sites, complete }: CallSites): readonly Frame[] {
  if (complete) return framesOf(sites);
  const there = sitesOfOtherRealm();
  if (there !== undefined) return framesOf(there);
  // Each other way sees less: no async frames, or ten frames.
  return [plainCallSites(), fromText(stackText())].reduce(longer, sites.map(fromCallSite));
}

/** What a frame knows of its call site is read when it is asked for: the caller is among the first frames. */
function framesOf(sites: readonly NodeJS.CallSite[]): readonly Frame[] {
  return sites.map(fromCallSite);
}

function longer(a: readonly Frame[], b: readonly Frame[]): readonly Frame[] {
  return b.length > a.length ? b : a;
}

function fromCallSite(site: NodeJS.CallSite): Frame {
  const file = site.getFileName() ?? undefined;
  if (file !== undefined || !site.isEval()) return new SiteFrame(toPath(file), site);
  const name = () => site.getFunctionName() ?? undefined;
  const { file: outer, line, column } = fromEvalOrigin(site.getEvalOrigin());
  return { file: outer, functionName: name, position: () => ({ line, column, function: name() }) };
}

class SiteFrame implements Frame {
  readonly file: string | undefined;
  readonly site: NodeJS.CallSite;

  constructor(file: string | undefined, site: NodeJS.CallSite) {
    this.file = file;
    this.site = site;
  }

  functionName(): string | undefined {
    return this.site.getFunctionName() ?? undefined;
  }

  position(): FramePosition {
    const { site } = this;
    return {
      line: site.getLineNumber() ?? undefined,
      column: site.getColumnNumber() ?? undefined,
      function: this.functionName(),
    };
  }
}

/**
 * The position of the outermost eval(): `eval at run (eval at <anonymous> (/app/x.js:3:1), <anonymous>:1:1)`.
 * With `//# sourceURL=`, code chooses its own origin, so such an origin is not trusted.
 */
function fromEvalOrigin(origin: string | undefined): Pick<Frame, 'file'> & Omit<FramePosition, 'function'> {
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
  // In Bun, a stack-trace hook of user code decides what getCallSites() returns.
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
  const functionName = () => position.function;
  return { file: toPath(site.scriptName || undefined), functionName, position: () => position };
}

function stackText(): string {
  try {
    const { stack }: { stack?: unknown } = new OriginalError();
    return typeof stack === 'string' ? stack : '';
  } catch {
    // A stack-trace hook of user code threw, and cannot be replaced.
    return '';
  }
}

function fromText(stack: string): Frame[] {
  return stack.split('\n').flatMap(text => {
    const frame = parseFrame(text);
    if (frame === undefined) return [];
    const { file, ...position } = frame;
    return { file: toPath(file), functionName: () => frame.function, position: () => position };
  });
}

/** Node names a module of the command line after the current folder, which is not its file. */
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

/** A data: URL contains the whole program. */
function shorten(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100)}...` : name;
}
