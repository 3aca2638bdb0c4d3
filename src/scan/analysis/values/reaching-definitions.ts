// Reaching definitions: which values of a variable can reach a use of it.
//
// `let io = a; io = b; use(io)` uses b. Only one case is decided: an assignment that is a statement of
// its own, in a block around the use. Code that runs between the two is between them in the text, or in
// another function; all other values were overwritten. An unknown function may return the old value:
// `io = checked(io)`.

import type { AnyNode, Identifier } from 'acorn';
import type { Source } from '../source/scopes';
import { functionAround, isFunction } from '../source/syntax';

/** A filter for the sources of a variable at one use of it. */
export function isInForce(
  use: Identifier,
  sources: readonly Source[],
  /** The variable, if an unknown function makes the new value from the old one. */
  madeOf: (value: AnyNode) => Identifier | undefined,
): (source: Source) => boolean {
  const last = sources.length < 2 ? undefined : overwriting(use, sources);
  if (last === undefined) return () => true;
  const { source: overwriting_, from, to, fn } = last;
  const old = overwriting_.from === 'value' ? madeOf(overwriting_.value) : undefined;
  const isOld = old !== undefined && old.start < use.start ? isInForce(old, sources, madeOf) : () => false;
  return source => {
    if (source === overwriting_ || isOld(source)) return true;
    if (source.from !== 'value') return source.from === 'parameter' && source.fn !== fn;
    const { start } = source.value;
    return functionAround(source.value) !== fn || (start > from && start < to);
  };
}

interface Overwriting {
  readonly source: Source;
  /** From the assignment to the end of the statement with the use. */
  readonly from: number;
  readonly to: number;
  readonly fn: AnyNode | undefined;
}

/** The nearest assignment before the use that is a statement in a block around it. */
function overwriting(use: Identifier, sources: readonly Source[]): Overwriting | undefined {
  const assigned = sources.flatMap(source => {
    const statement = source.from === 'value' && source.path.length === 0 && statementOf(source.value);
    return statement ? [{ source, statement }] : [];
  });
  if (assigned.length === 0) return undefined;
  for (let at: AnyNode = use; at.parent !== undefined && !isFunction(at); at = at.parent) {
    const { parent, start, end } = at;
    if (parent.type !== 'BlockStatement' && parent.type !== 'Program') continue;
    const nearest = assigned
      .filter(({ statement }) => statement.parent === parent && statement.end <= start)
      .reduce<(typeof assigned)[number] | undefined>(
        (last, other) => (last === undefined || other.statement.start > last.statement.start ? other : last),
        undefined,
      );
    if (nearest !== undefined)
      return { source: nearest.source, from: nearest.statement.end, to: end, fn: functionAround(use) };
  }
  return undefined;
}

/** The statement `name = value;` or `let name = value;`. */
function statementOf({ parent }: AnyNode): AnyNode | undefined {
  if (parent?.type === 'AssignmentExpression')
    return parent.operator === '=' &&
      parent.left.type === 'Identifier' &&
      parent.parent?.type === 'ExpressionStatement'
      ? parent.parent
      : undefined;
  return parent?.type === 'VariableDeclarator' && parent.id.type === 'Identifier' ? parent.parent : undefined;
}
