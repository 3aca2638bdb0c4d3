// The program that Node runs, where that is a file.

const INTERACTIVE: ReadonlySet<string> = new Set(['-i', '--interactive']);

/**
 * The main script as Node has it in process.argv[1]. Undefined where Node runs code from the command line
 * (-e, -p) or from stdin: then the first argument is data of the program's, and must not choose the policy.
 */
export function mainScript(): string | undefined {
  const [, script] = process.argv;
  if (script === undefined || script === '-') return undefined;
  // With -i, Node runs the script all the same (StartExecution in src/node.cc).
  const { _eval: code } = process as { _eval?: unknown };
  const isCode = code !== undefined && !process.execArgv.some(option => INTERACTIVE.has(option));
  return isCode ? undefined : script;
}
