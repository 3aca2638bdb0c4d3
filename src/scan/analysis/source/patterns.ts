// Destructuring: the names that a pattern declares, and the path from the value to each of them.

import type { AnyNode, Identifier } from 'acorn';
import type { Path, Source } from './scopes';
import { keyOf, unwrapped } from './syntax';

/** Calls `give` for every name that a pattern gives a value to. */
export function eachName(
  pattern: AnyNode,
  init: AnyNode | undefined,
  path: Path,
  give: (name: Identifier, source: Source | undefined) => void,
): void {
  eachPattern(pattern, path, (name, path, fallback) => {
    give(name, init === undefined ? undefined : { from: 'value', value: unwrapped(init), path });
    if (fallback !== undefined) give(name, { from: 'value', value: unwrapped(fallback), path: [] });
  });
}

/** Calls `give` for every name in a pattern, with its path and its default value. */
export function eachPattern(
  pattern: AnyNode,
  path: Path,
  give: (name: Identifier, path: Path, fallback: AnyNode | undefined) => void,
  fallback?: AnyNode,
): void {
  switch (pattern.type) {
    case 'Identifier':
      give(pattern, path, fallback);
      break;
    case 'AssignmentPattern':
      eachPattern(pattern.left, path, give, pattern.right);
      break;
    case 'ObjectPattern':
      for (const property of pattern.properties)
        if (property.type === 'Property')
          eachPattern(property.value, [...path, keyOf(property) ?? '?'], give);
        // A rest element still has the properties that are asked for by name.
        else eachPattern(property.argument, path, give);
      break;
    case 'ArrayPattern':
      for (const [index, element] of pattern.elements.entries())
        if (element !== null) eachPattern(element, [...path, String(index)], give);
      break;
    case 'RestElement':
      eachPattern(pattern.argument, [...path, '...'], give);
      break;
    default:
      // `constructor(private readonly x: T)`.
      if ((pattern.type as string) === 'TSParameterProperty')
        eachPattern((pattern as unknown as { parameter: AnyNode }).parameter, path, give);
  }
}
