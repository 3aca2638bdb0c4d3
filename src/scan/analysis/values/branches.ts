// Control flow: loops, branches, and whether two nodes exclude each other.

import type { AnyNode } from 'acorn';
import { functionAround, isFunction } from '../source/syntax';

export function isLoop({ type }: AnyNode): boolean {
  return /^(?:For|While|DoWhile)/.test(type);
}

/** Whether a node runs more than once for each run of `within`. */
export function isInLoop(node: AnyNode, within: AnyNode | undefined): boolean {
  for (let at = node.parent; at !== undefined && at !== within; at = at.parent)
    if (isLoop(at) || isFunction(at)) return true;
  return false;
}

/** The function or the body of the loop around a node: the code that runs more than once. */
export function repeatedAround(node: AnyNode): AnyNode | undefined {
  for (let at: AnyNode = node; at.parent !== undefined; at = at.parent) {
    if (isFunction(at.parent)) return at.parent;
    if (isLoop(at.parent) && (at.parent as { body?: AnyNode }).body === at) return at;
  }
  return undefined;
}

export function isConditional(node: AnyNode): boolean {
  for (let at = node.parent; at !== undefined && !isFunction(at); at = at.parent)
    if (isBranching(at)) return true;
  return false;
}

function isBranching({ type }: AnyNode): boolean {
  return /^(?:If|Conditional|Logical|Switch|Try|For|While|DoWhile)/.test(type);
}

/** Whether a node runs on every way to `use`, in the same function. */
export function isAlwaysBefore(node: AnyNode, use: AnyNode): boolean {
  if (node.end > use.start || areExclusive(node, use)) return false;
  for (let at = node.parent; at !== undefined && !isFunction(at); at = at.parent)
    if (at.start <= use.start && use.end <= at.end) return true;
    else if (isBranching(at)) return false;
  return false;
}

/**
 * Whether a value is never both changed and used: change and use are in different branches, and one
 * value that is made passes through only one of them.
 */
export function isApart(change: AnyNode, use: AnyNode, made: AnyNode): boolean {
  const fork = forkBetween(change, use);
  // A case may fall through to the next.
  if (fork === undefined || fork.type === 'SwitchStatement') return false;
  const around = repeatedAround(fork);
  return around === undefined || (around.start <= made.start && made.end <= around.end);
}

/** Whether a change comes after the use of an array that is made anew for each use. */
export function isAfter(change: AnyNode, use: AnyNode, made: AnyNode): boolean {
  if (change.start < use.end) return false;
  const repeated = repeatedAround(use);
  if (repeated === undefined) return repeatedAround(change) === undefined;
  const isWithin = ({ start, end }: AnyNode) => repeated.start <= start && end <= repeated.end;
  return isWithin(change) && isWithin(made) && functionAround(change) === functionAround(use);
}

export function areExclusive(a: AnyNode, b: AnyNode): boolean {
  return forkBetween(a, b) !== undefined;
}

/** The `if`, conditional or `switch` that runs either a or b. */
function forkBetween(a: AnyNode, b: AnyNode): AnyNode | undefined {
  if (a === b) return undefined;
  /** Each node above a, with its child on the way. */
  const pathUp = new Map<AnyNode, AnyNode>();
  for (let at = a; at.parent !== undefined; at = at.parent) pathUp.set(at.parent, at);
  for (let at = b; at.parent !== undefined; at = at.parent) {
    const { parent } = at;
    const other = pathUp.get(parent);
    if (other !== undefined) return isFork(parent, at, other) ? parent : undefined;
  }
  return undefined;
}

function isFork(parent: AnyNode, a: AnyNode, b: AnyNode): boolean {
  if (a === b) return false;
  if (parent.type === 'IfStatement' || parent.type === 'ConditionalExpression')
    return a !== parent.test && b !== parent.test;
  return parent.type === 'SwitchStatement';
}
