// Finds the sites of one file: text in, sites out. This file lists the steps.

import type { Program } from 'acorn';
import { addCallSites } from './call-sites';
import { addAssignedPatches } from './patch-sites';
import { OWN_PACKAGE, ProcessStarts } from './process-starts';
import type { Site } from './site';
import { SiteCollector } from './site-collector';
import { indexTree, type Tree } from './source/index-tree';
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
  return isWorthParsing(text) ? collectSites(parseSource(text, file), text, options) : [];
}

function collectSites(program: Program, text: string, options: SiteOptions): readonly Site[] {
  const analysis = analyze(program, text, options);
  // Calls first: the other steps skip the arrays that a call accounts for.
  addCallSites(analysis);
  addAssignedPatches(analysis);
  addUncalledArrays(analysis);
  addStdioUses(analysis);
  return analysis.collector.merged();
}

function analyze(program: Program, text: string, { launchers }: SiteOptions): FileAnalysis {
  const tree = indexTree(program);
  const flow = new DataFlow(tree);
  const exports = new Exports(tree, flow, module => {
    const isOfInterest = module === 'child_process' || module === OWN_PACKAGE || module === 'process';
    return isOfInterest || launchers.has(packageOf(module));
  });
  return {
    tree,
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
