// Finds the place in the source that a place of the running code was generated from, as Node or the program
// knows it: by the source maps that Node keeps, or by the stack-trace hook of the program (source-map-support,
// vitest).

import nodeModule = require('node:module');
import path = require('node:path');
import url = require('node:url');

import type { SourcePlace } from '../model/caller';
import { parseFrame } from './stack';

// Captured at load: tests mock these.
const OriginalError = Error;
const { findSourceMap } = nodeModule;

/** A position of the running code. Lines and columns count from 1. */
export interface RunningPosition {
  /** The path of the file. */
  readonly file: string;
  /** The call site; undefined if only text is known of the stack. */
  readonly site: NodeJS.CallSite | undefined;
  readonly line: number;
  readonly column: number;
}

type FoundSource = Omit<SourcePlace, 'fileInPackage'>;

/** Bounds the cache for programs that generate code. */
const MOST_PLACES = 1000;

/**
 * Returns a function that finds the source of a position; undefined if that is not known, or is the position
 * itself. The function never throws.
 */
export function createSourceFinder(): (position: RunningPosition) => FoundSource | undefined {
  const known = new Map<string, FoundSource | undefined>();
  let knownHook: unknown;

  return position => {
    const hook = stackTraceHook();
    if (hook !== knownHook || known.size >= MOST_PLACES) known.clear();
    knownHook = hook;
    const key = `${position.file}:${position.line}:${position.column}`;
    const before = known.get(key);
    if (before !== undefined || known.has(key)) return before;
    const found = differing(position, fromNode(position) ?? fromHook(position, hook));
    // Node may get the source map of a file later, if the program enables source maps.
    if (found !== undefined || hook !== undefined) known.set(key, found);
    return found;
  };
}

function differing(
  { file, line, column }: RunningPosition,
  found: FoundSource | undefined,
): FoundSource | undefined {
  const isSame = found?.file === file && found.line === line && found.column === column;
  return isSame ? undefined : found;
}

function fromNode({ file, site, line, column }: RunningPosition): FoundSource | undefined {
  try {
    // A loader may add a query to the URL, which the path does not have.
    const name = site?.getFileName() ?? file;
    const map = findSourceMap(name) ?? (name === file ? undefined : findSourceMap(file));
    if (map === undefined) return undefined;
    const entry = map.findEntry(line - 1, column - 1);
    if (!('originalSource' in entry) || !entry.originalSource) return undefined;
    return {
      file: sourcePath(entry.originalSource, file),
      line: entry.originalLine + 1,
      column: entry.originalColumn + 1,
    };
  } catch {
    // A damaged source map.
    return undefined;
  }
}

type Hook = (error: Error, sites: readonly NodeJS.CallSite[]) => unknown;

/** Node reads the hook from the current global Error. */
function stackTraceHook(): Hook | undefined {
  try {
    const { prepareStackTrace } = globalThis.Error as { prepareStackTrace?: unknown };
    return typeof prepareStackTrace === 'function' ? (prepareStackTrace as Hook) : undefined;
  } catch {
    return undefined;
  }
}

function fromHook({ file, site }: RunningPosition, hook: Hook | undefined): FoundSource | undefined {
  if (hook === undefined || site === undefined || isNodes(hook)) return undefined;
  try {
    const text = hook.call(globalThis.Error, new OriginalError(), [site]);
    // Some hooks return the call sites.
    if (typeof text !== 'string') return undefined;
    const frame = parseFrame(text.slice(text.lastIndexOf('\n') + 1));
    return frame && { file: sourcePath(frame.file, file), line: frame.line, column: frame.column };
  } catch {
    // A hook of user code threw.
    return undefined;
  }
}

/** Node's own, which the newer versions have as the hook, knows no other source than fromNode() does. Its first call takes a millisecond. */
function isNodes(hook: Hook): boolean {
  return hook.name === 'ErrorPrepareStackTrace';
}

/** The path of a source. One that is a URL of a bundler (`webpack://app/./src/run.ts`) stays as it is. */
function sourcePath(source: string, runningFile: string): string {
  if (source.startsWith('file://')) return url.fileURLToPath(source);
  if (SCHEME.test(source) || source === runningFile) return source;
  return path.resolve(path.dirname(runningFile), source);
}

const SCHEME = /^[\w-]+:\/\//;

/** Relative to `root`; what a bundler's URL has behind its host. */
export function sourceInPackage(source: string, root: string): string {
  return SCHEME.test(source)
    ? source.replace(/^[\w-]+:\/\/[^/]*\/(?:\.\/)?/, '')
    : path.relative(root, source).split(path.sep).join('/');
}
