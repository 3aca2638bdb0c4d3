// Finds the sites of one file: text in, sites out. This file lists the steps.

import { addCallSites } from './call-sites';
import { addAssignedPatches } from './patch-sites';
import { OWN_PACKAGE, ProcessStarts } from './process-starts';
import type { Site } from './site';
import { SiteCollector } from './site-collector';
import { indexTree, ownTree, type Tree } from './source/index-tree';
import { type LoadModule, linkModules } from './source/linked-modules';
import { parseSource } from './source/parse';
import { addStdioUses } from './stdio-uses';
import { addUncalledArrays } from './uncalled-arrays';
import { CallersOptions } from './values/callers-options';
import { DataFlow } from './values/data-flow';
import { Exports } from './values/resolve-import';
import { StdioArrays } from './values/stdio-arrays';

export interface SiteOptions {
  /** Packages that start processes on behalf of their callers. */
  readonly launchers: ReadonlySet<string>;
  /** Reads modules that the file imports by a relative specifier. Without it they are unknown. */
  readonly load?: LoadModule;
}

export interface FoundSites {
  readonly sites: readonly Site[];
  /** Whether the sites depend on modules that the file imports. */
  readonly isLinked: boolean;
}

/** Everything that is known about a file while its sites are collected. */
export interface FileAnalysis {
  readonly tree: Tree;
  readonly flow: DataFlow;
  readonly arrays: StdioArrays;
  readonly exports: Exports;
  readonly options: CallersOptions;
  readonly starts: ProcessStarts;
  readonly collector: SiteCollector;
}

/** A file without any of these words has no site. Programs do not write them with escapes. */
const WORTH =
  /stdio|child_?[pP]rocess|process_wrap|spawn_sync|execve|ChildProcess|execa|-spawn['"]|closefds|\bipc\b/;

export function isWorthParsing(text: string): boolean {
  return WORTH.test(text);
}

/** Throws SyntaxError or RangeError, see `parseSource()`. */
export function findSites(text: string, file: string, options: SiteOptions): readonly Site[] {
  return findLinkedSites(text, file, options).sites;
}

/** Throws as `findSites()`. */
export function findLinkedSites(text: string, file: string, options: SiteOptions): FoundSites {
  if (!isWorthParsing(text)) return { sites: [], isLinked: false };
  const tree = indexTree(parseSource(text, file));
  const sites = collectSites(tree, text, options);
  const { load } = options;
  // Only an array that a function from elsewhere had needs its module.
  const isOpen = sites.some(({ reason }) => reason === 'handed');
  if (load === undefined || !isOpen || tree.wanted.size === 0) return { sites, isLinked: false };
  const linked = indexTree(parseSource(text, file), linkModules(tree.wanted, load));
  return { sites: collectSites(linked, text, options), isLinked: true };
}

function collectSites(tree: Tree, text: string, options: SiteOptions): readonly Site[] {
  const analysis = analyze(tree, text, options);
  // Calls first: the other steps skip the arrays that a call accounts for.
  addCallSites(analysis);
  addAssignedPatches(analysis);
  addUncalledArrays(analysis);
  addStdioUses(analysis);
  return analysis.collector.merged();
}

function analyze(tree: Tree, text: string, { launchers }: SiteOptions): FileAnalysis {
  const flow = new DataFlow(tree);
  const exports = new Exports(tree, flow, module => {
    const isOfInterest = module === 'child_process' || module === OWN_PACKAGE || module === 'process';
    return isOfInterest || launchers.has(packageOf(module));
  });
  return {
    tree: ownTree(tree),
    flow,
    arrays: new StdioArrays(tree, flow),
    exports,
    options: new CallersOptions(tree, flow),
    starts: new ProcessStarts(tree, flow, exports),
    collector: new SiteCollector(text),
  };
}

function packageOf(module: string): string {
  const parts = module.split('/');
  return parts.slice(0, module.startsWith('@') ? 2 : 1).join('/');
}
