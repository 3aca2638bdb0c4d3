// Sites of launchers: calls that start a process with the options, or the `stdio`, of the function's own caller.
//
// FDs may pass through them, and at run time the finding names the package that called.

import type { AnyNode } from 'acorn';
import type { FileAnalysis } from './find-sites';
import type { Call } from './process-starts';
import { keyOf, nameOf } from './source/syntax';

/** Names of variables that hold options. A second argument may also be the list of the command's arguments. */
const OPTIONS = /opt|conf|setting|param|extra/i;

export function addLauncher({ options, collector }: FileAnalysis, call: Call, callee: string): void {
  if (!optionsOf(call, callee).some(node => options.isFromCaller(node))) return;
  collector.add(call, {
    siteType: 'launcher',
    confidence: 'possible',
    more: true,
    callee,
    reason: 'callers-options',
  });
}

/** The arguments of a call that may be its options. */
function optionsOf({ callee, arguments: args }: Call, name: string): readonly AnyNode[] {
  const isApplied = callee.type === 'MemberExpression' && keyOf(callee) === 'apply';
  const last = args.at(-1);
  if (isApplied) return last === undefined ? [] : [last];
  return args.flatMap((argument, index) => {
    if (argument.type === 'SpreadElement') return [argument.argument as AnyNode];
    if (index === 0 || /^(?:Array|Function|ArrowFunction)Expression$/.test(argument.type)) return [];
    const isOptions = index > 1 || name === 'execSync' || isNamedOptions(argument);
    return isOptions ? [argument] : [];
  });
}

export function isNamedOptions(node: AnyNode): boolean {
  if (node.type === 'ObjectExpression' || node.type === 'CallExpression') return true;
  if (node.type === 'LogicalExpression') return isNamedOptions(node.left) || isNamedOptions(node.right);
  if (node.type === 'ConditionalExpression')
    return isNamedOptions(node.consequent) || isNamedOptions(node.alternate);
  const name = node.type === 'MemberExpression' ? keyOf(node) : nameOf(node);
  return name !== undefined && OPTIONS.test(name);
}
