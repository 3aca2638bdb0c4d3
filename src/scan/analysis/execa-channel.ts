// The message channel that execa adds behind the slots of its caller.
//
// Source: execa's `execaNode()` and its options `node` and `ipc`; 'ipc' follows the last slot, at 3 or above,
// unless `stdio` has it already.

import type { AnyNode } from 'acorn';
import type { FileAnalysis } from './find-sites';
import { isNamedOptions } from './launcher-sites';
import type { Call } from './process-starts';
import type { Export } from './values/resolve-import';
import { EMPTY_SLOT, type StdioArray, type StdioSlot } from './values/stdio-array';

const CHANNEL: StdioSlot = { kinds: ['ipc'] };

/** Whether execa adds a channel: `execaNode()`, `execa.node()`, and the options `node` and `ipc`. */
export function addsChannel(analysis: FileAnalysis, call: Call, found: Export | undefined): boolean {
  if (found?.module !== 'execa') return false;
  if (found.path.includes('execaNode') || found.path.includes('node'))
    return !hasOption(analysis, call, 'ipc', false);
  return (
    hasOption(analysis, call, 'ipc', true) ||
    (hasOption(analysis, call, 'node', true) && !hasOption(analysis, call, 'ipc', false))
  );
}

function hasOption({ flow }: FileAnalysis, call: Call, option: string, wanted: boolean): boolean {
  return call.arguments.some(
    argument =>
      argument.type !== 'SpreadElement' &&
      flow.property(argument, option).some(value => isBoolean(value, wanted)),
  );
}

function isBoolean(node: AnyNode, wanted: boolean): boolean {
  if (node.type === 'Literal') return node.value === wanted;
  // Minified: !0 and !1.
  return (
    node.type === 'UnaryExpression' &&
    node.operator === '!' &&
    node.argument.type === 'Literal' &&
    !node.argument.value === wanted
  );
}

/** `passed`: the arrays that the call's `stdio` may be. */
export function addOwnChannel(
  analysis: FileAnalysis,
  call: Call,
  passed: readonly StdioArray[],
  callee: string,
): void {
  const { collector } = analysis;
  collector.addPassed(call, passed.map(withChannel), callee);
  const values = stdioValues(analysis, call);
  const isOpen = values === undefined || values.some(value => !isNoArray(value));
  // Without an array, the streams are stdin, stdout and stderr.
  const isCertain = !isOpen && (values.length > 0 || passed.length === 0);
  if (isCertain || passed.length === 0)
    collector.add(call, {
      siteType: 'stdio',
      confidence: isCertain ? 'certain' : 'likely',
      kinds: ['ipc'],
      slots: isCertain ? [3] : [],
      more: !isCertain,
      callee,
      reason: 'own-channel',
    });
}

function withChannel(array: StdioArray): StdioArray {
  const { slots, rest } = array;
  if ([...slots, ...rest].some(({ kinds }) => kinds.includes('ipc'))) return array;
  if (rest.length > 0) return { ...array, rest: [...rest, CHANNEL] };
  const length = Math.max(slots.length, 3);
  return { ...array, slots: [...Array.from({ length }, (_, i) => slots[i] ?? EMPTY_SLOT), CHANNEL] };
}

/** The values of `stdio` that are no arrays; undefined if options from elsewhere may have it. */
function stdioValues({ flow }: FileAnalysis, call: Call): readonly AnyNode[] | undefined {
  const values: AnyNode[] = [];
  for (const [index, argument] of call.arguments.entries()) {
    const isList = index === 1 && (call.arguments.length > 2 || !isNamedOptions(argument));
    if (index === 0 || isList) continue;
    if (argument.type === 'SpreadElement') return undefined;
    const found = flow.property(argument, 'stdio').flatMap(value => flow.all(value));
    values.push(...found.filter(({ type }) => type !== 'ArrayExpression'));
    const isOwn = found.length > 0 || flow.all(argument).every(isClosed);
    if (!isOwn) return undefined;
  }
  return values;
}

/** Whether an argument has no properties but those that are written in it. */
function isClosed(node: AnyNode): boolean {
  return node.type === 'ObjectExpression'
    ? node.properties.every(({ type }) => type === 'Property')
    : /^(?:Array|Function|ArrowFunction)Expression$/.test(node.type);
}

/** A word for all three streams, or nothing. */
function isNoArray(node: AnyNode): boolean {
  return node.type === 'Literal' || (node.type === 'Identifier' && node.name === 'undefined');
}
