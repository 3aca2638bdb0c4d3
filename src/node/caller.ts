// Who called: from the stack to a package.
//
// Everything here has to work in a process where others changed the rules: stack-trace hooks,
// a stack limit of 0, frozen intrinsics, patched file systems.

import fs = require('node:fs');
import path = require('node:path');
import url = require('node:url');
import util = require('node:util');

import { APP, type Caller } from '../core/caller';

// Yarn PnP reads packages out of zip files, by replacing functions of `fs`: so the live one
// comes first. Others replace them too (mock-fs), so the one from the start comes second.
const originalReadFile = fs.readFileSync;

export interface CallerOptions {
  /** Where a package.json or closefds.json names the app; what lies below is told relative to it. */
  readonly appRoot: string;
  /** Folders whose files are closefds itself. */
  readonly own: readonly string[];
  /** Whether a package starts processes on behalf of its own caller. */
  readonly isLauncher: (name: string, version: string | undefined) => boolean;
}

/** One call on the stack, innermost first. */
interface Frame {
  readonly file: string | undefined;
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

/** Returns a function that names the caller of the function it is called from. */
export function createCallerFinder(options: CallerOptions): () => Caller | undefined {
  const packages = new Map<string, InstalledPackage>();

  return function findCaller() {
    const launchers: string[] = [];
    let launcher: Caller | undefined;
    let placeless: Frame | undefined;

    for (const frame of captureFrames()) {
      if (isNodes(frame) || isOwn(frame)) continue;
      if (!isPlace(frame.file)) {
        // Code without a file (vm, data: URLs): whoever ran it has one, further out.
        placeless ??= frame;
        continue;
      }
      const caller = toCaller(frame, launchers);
      if (caller.name === APP || !options.isLauncher(caller.declaredName ?? caller.name, caller.version))
        return caller;
      launcher ??= caller;
      if (!launchers.includes(caller.name)) launchers.push(caller.name);
    }
    // A launcher with nobody behind it: its caller is not on this stack any more.
    if (launcher !== undefined) return { ...launcher, launchers: [] };
    return placeless === undefined ? undefined : toCaller(placeless, launchers);
  };

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
      line: frame.line,
      column: frame.column,
      function: frame.function,
      launchers: [...launchers],
    };
  }

  function installedPackage(file: string): InstalledPackage | undefined {
    const location = locate(file);
    if (location === undefined) return undefined;
    let known = packages.get(location.root);
    if (known === undefined) {
      known = read(location);
      packages.set(location.root, known);
    }
    return known;
  }
}

function relative(root: string, file: string): string {
  return path.relative(root, file).split(path.sep).join('/');
}

// ---------------------------------------------------------------------------------------------
// Packages
// ---------------------------------------------------------------------------------------------

/** The innermost `node_modules/<name>`: right for npm, pnpm's store, Yarn's zips and unplugged folders. */
function locate(file: string): { name: string; root: string } | undefined {
  const marker = `${path.sep}node_modules${path.sep}`;
  const at = file.lastIndexOf(marker);
  if (at === -1) return undefined;
  const [first = '', second] = file.slice(at + marker.length).split(path.sep);
  // .bin, .cache, .vite: what tools put there is the app's.
  if (first.startsWith('.')) return undefined;
  const parts = first.startsWith('@') && second !== undefined ? [first, second] : [first];
  return { name: parts.join('/'), root: file.slice(0, at) + marker + parts.join(path.sep) };
}

function read({ name, root }: { name: string; root: string }): InstalledPackage {
  const json = readPackageJson(path.join(root, 'package.json'));
  const declared = typeof json?.name === 'string' ? json.name : undefined;
  return {
    name,
    root,
    version: typeof json?.version === 'string' ? json.version : undefined,
    declaredName: declared === name ? undefined : declared,
  };
}

function readPackageJson(file: string): { name?: unknown; version?: unknown } | undefined {
  for (const readFile of new Set([fs.readFileSync, originalReadFile])) {
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

const MOST_FRAMES = 100;

function captureFrames(): readonly Frame[] {
  const sites = captureCallSites();
  if (sites !== undefined) return sites.map(fromCallSite);
  // Frozen intrinsics: the hook cannot be set, but newer versions have a way without it.
  const { getCallSites } = util as { getCallSites?: (count: number) => PlainCallSite[] };
  return getCallSites === undefined
    ? fromText(new Error().stack)
    : getCallSites(MOST_FRAMES).map(fromPlainCallSite);
}

/** V8's structured stack; whatever hook and limit others have set are back in place afterwards. */
function captureCallSites(): readonly NodeJS.CallSite[] | undefined {
  const hook = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  const limit = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit');
  if (!Object.isExtensible(Error) || hook?.configurable === false || limit?.configurable === false)
    return undefined;

  const holder: { stack?: unknown } = {};
  try {
    set('prepareStackTrace', (_error: unknown, sites: unknown) => sites);
    set('stackTraceLimit', MOST_FRAMES);
    Error.captureStackTrace(holder, captureCallSites);
    return Array.isArray(holder.stack) ? holder.stack : undefined;
  } finally {
    restore('prepareStackTrace', hook);
    restore('stackTraceLimit', limit);
  }
}

function set(name: string, value: unknown): void {
  Object.defineProperty(Error, name, { value, writable: true, enumerable: true, configurable: true });
}

function restore(
  name: 'prepareStackTrace' | 'stackTraceLimit',
  descriptor: PropertyDescriptor | undefined,
): void {
  if (descriptor === undefined) Reflect.deleteProperty(Error, name);
  else Object.defineProperty(Error, name, descriptor);
}

function fromCallSite(site: NodeJS.CallSite): Frame {
  return {
    file: toPath(site.getFileName() ?? evalOrigin(site)),
    line: site.getLineNumber() ?? undefined,
    column: site.getColumnNumber() ?? undefined,
    function: site.getFunctionName() ?? undefined,
  };
}

/** The file whose code called eval: `eval at run (eval at <anonymous> (/app/x.js:3:1), <anonymous>:1:1)`. */
function evalOrigin(site: NodeJS.CallSite): string | undefined {
  const origin = site.isEval() ? site.getEvalOrigin() : undefined;
  return origin === undefined ? undefined : /\(([^()]+):\d+:\d+\)/.exec(origin)?.[1];
}

interface PlainCallSite {
  readonly scriptName: string;
  readonly lineNumber: number;
  readonly columnNumber?: number;
  readonly column?: number;
  readonly functionName: string;
}

function fromPlainCallSite(site: PlainCallSite): Frame {
  return {
    file: toPath(site.scriptName || undefined),
    line: site.lineNumber,
    column: site.columnNumber ?? site.column,
    function: site.functionName || undefined,
  };
}

/** V8's own text, `at name (file:line:column)`. */
function fromText(stack: string | undefined): Frame[] {
  return (stack ?? '').split('\n').flatMap(line => {
    const match = /^\s+at (?:(?:async )?(.*?) \()?(?:async )?(.*?):(\d+):(\d+)\)?$/.exec(line);
    if (match === null) return [];
    return { function: match[1], file: toPath(match[2]), line: Number(match[3]), column: Number(match[4]) };
  });
}

function toPath(name: string | undefined): string | undefined {
  if (name?.startsWith('file://') !== true) return name;
  try {
    return url.fileURLToPath(name);
  } catch {
    return name;
  }
}
