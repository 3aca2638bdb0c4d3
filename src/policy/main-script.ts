// Finds the program that Node runs, where that is a file.

import nodeModule = require('node:module');
import path = require('node:path');

import type { MainProgram } from './facts';

const INTERACTIVE: ReadonlySet<string> = new Set(['-i', '--interactive']);
const CHECK: ReadonlySet<string> = new Set(['-c', '--check']);
/** Also `--eval=CODE`. Node 18 to 26 have no other spelling. */
const CODE = /^(?:-e|-p|-pe|--eval|--print)(?:=|$)/;

/**
 * The main script as Node has it in process.argv[1]. Undefined where Node runs code from the command line
 * (-e, -p) or from stdin, or only checks a file: then the argument is data and must not choose the policy.
 */
export function mainScript(): string | undefined {
  const [, script] = process.argv;
  if (script === undefined || script === '-') return undefined;
  const options = process.execArgv;
  if (options.some(option => CHECK.has(option))) return undefined;
  const { _eval: code } = process as { _eval?: unknown };
  // Node does not set `_eval` for empty code.
  const hasCode = code !== undefined || options.some(option => CODE.test(option));
  // With -i, Node runs the script all the same (StartExecution in src/node.cc).
  return hasCode && !options.some(option => INTERACTIVE.has(option)) ? undefined : script;
}

/** The main program, by its real path. `script` is absolute; as for Node, it may lack its extension or be a folder. */
export function findProgram(script: string | undefined, appRoot: string): MainProgram | undefined {
  if (script === undefined) return undefined;
  const file = realFile(script);
  const relative = path.relative(appRoot, file);
  const isInside = relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative);
  return { file, fileInApp: isInside ? relative : undefined };
}

function realFile(script: string): string {
  try {
    return nodeModule.createRequire(script).resolve(script);
  } catch {
    return script;
  }
}
