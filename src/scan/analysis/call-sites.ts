// Sites of calls: of child_process, of launchers, of closefds, of Node's bindings.

import type { AnyNode } from 'acorn';
import { addOwnChannel, addsChannel } from './execa-channel';
import type { FileAnalysis } from './find-sites';
import { addLauncher } from './launcher-sites';
import { addCalledPatch } from './patch-sites';
import type { Call } from './process-starts';
import { OWN_PACKAGE } from './process-starts';
import type { SiteCollector } from './site-collector';
import { elementsOf, keyOf } from './source/syntax';
import type { Export } from './values/resolve-import';
import type { StdioArray } from './values/stdio-array';

/** These start a process and ignore `stdio`. */
const WITHOUT_STDIO = new Set(['exec', 'execFile']);

export function addCallSites(analysis: FileAnalysis): void {
  for (const call of analysis.tree.calls) addCall(analysis, call);
}

function addCall(analysis: FileAnalysis, call: Call): void {
  const { starts } = analysis;
  const found = starts.exportCalledBy(call);
  const callee = starts.startedBy(call, found);
  if (found?.module === OWN_PACKAGE) addOwn(analysis, call, found);
  else if (starts.isOfProcess(call.callee, 'execve', found)) addExecve(analysis, call);
  else if (starts.isOfProcess(call.callee, 'binding', found)) addBinding(analysis, call);
  else if (found?.module === 'child_process' && WITHOUT_STDIO.has(found.path[0] ?? ''))
    accountForIgnored(analysis, call);
  else if (callee === undefined) addCalledPatch(analysis, call);
  else addStart(analysis, call, callee, found);
}

function addStart(analysis: FileAnalysis, call: Call, callee: string, found: Export | undefined): void {
  const { collector } = analysis;
  addLauncher(analysis, call, callee);
  const passed = argumentsOf(call).flatMap(argument => stdioOf(analysis, argument, call));
  // A command's arguments may be the same words.
  collector.accountFor(call.arguments.filter(({ type }) => type === 'ArrayExpression'));
  if (addsChannel(analysis, call, found)) addOwnChannel(analysis, call, passed, callee);
  else if (!collector.addPassed(call, passed, callee) && callee === 'new ChildProcess')
    collector.add(call, {
      siteType: 'constructor',
      confidence: 'possible',
      more: true,
      callee,
      reason: 'by-hand',
    });
}

function stdioOf({ arrays }: FileAnalysis, options: AnyNode, call: Call): readonly StdioArray[] {
  return arrays.inArgument(options, 'stdio', call);
}

/** The arguments, also of `f(...[a, b])`, `f.apply(x, [a, b])` and `Reflect.apply(f, x, [a, b])`. */
function argumentsOf({ callee, arguments: args }: Call): readonly AnyNode[] {
  const isApplied = callee.type === 'MemberExpression' && keyOf(callee) === 'apply';
  return args.flatMap((argument, index) => {
    const isList = argument.type === 'SpreadElement' || (isApplied && index === args.length - 1);
    if (!isList) return [argument];
    const list = argument.type === 'SpreadElement' ? argument.argument : argument;
    // Only literals: nodemon changes the array that it applies, in the branch that forks.
    return list.type === 'ArrayExpression' ? elementsOf(list) : [];
  });
}

/** Whatever `stdio` says, the function ignores it. */
function accountForIgnored(analysis: FileAnalysis, call: Call): void {
  for (const argument of call.arguments)
    if (argument.type === 'ObjectExpression')
      for (const { nodes } of stdioOf(analysis, argument, call)) analysis.collector.accountFor(nodes);
}

function addExecve({ collector }: FileAnalysis, call: Call): void {
  collector.add(call, {
    siteType: 'execve',
    confidence: 'possible',
    kinds: ['stray'],
    more: true,
    callee: 'process.execve',
    reason: 'execve',
  });
}

function addOwn(analysis: FileAnalysis, call: Call, { path }: Export): void {
  if (path[0] === 'withFds') addWithFds(analysis, call);
  if (path[0] === 'unsafe') addUnsafe(analysis, call);
}

/** Whatever the call with these options passes, no rule applies to it. */
function addUnsafe({ flow, collector }: FileAnalysis, call: Call): void {
  const [, reason] = call.arguments;
  const given = reason === undefined ? [] : flow.all(reason).map(value => textOf(value, collector));
  collector.add(call, {
    siteType: 'unsafe',
    confidence: 'certain',
    more: true,
    callee: 'unsafe',
    reason: 'opted-out',
    ...(given.length > 0 && { given: given.join(' / ') }),
  });
}

/** A string, or the source text of another expression. */
function textOf(node: AnyNode, collector: SiteCollector): string {
  return node.type === 'Literal' ? String(node.value) : collector.sourceOf(node);
}

function addWithFds({ flow, collector }: FileAnalysis, call: Call): void {
  const [, fds] = call.arguments;
  const slots = (fds === undefined ? [] : flow.all(fds)).flatMap(value =>
    value.type === 'ObjectExpression' ? value.properties.flatMap(numberOfKey) : [],
  );
  collector.add(call, {
    siteType: 'explicit',
    confidence: 'certain',
    kinds: ['fd', 'pipe'],
    slots,
    more: slots.length === 0,
    callee: 'withFds',
    reason: 'said',
  });
}

function numberOfKey(property: AnyNode): readonly number[] {
  const number = property.type === 'Property' ? Number(keyOf(property)) : Number.NaN;
  return Number.isInteger(number) ? [number] : [];
}

function addBinding({ flow, collector }: FileAnalysis, call: Call): void {
  const [name] = call.arguments;
  const names = (name === undefined ? [] : flow.all(name)).map(value =>
    value.type === 'Literal' ? String(value.value) : '',
  );
  const binding = names.find(name => name === 'process_wrap' || name === 'spawn_sync');
  if (binding === undefined) return;
  collector.add(call, {
    siteType: 'binding',
    confidence: 'possible',
    more: true,
    callee: `process.binding('${binding}')`,
    reason: 'below',
  });
}
