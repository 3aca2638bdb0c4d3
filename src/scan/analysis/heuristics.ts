// Heuristics: whether an array is a `stdio`, from its elements or its name alone.

import type { AnyNode } from 'acorn';
import { keyOf, nameOf } from './source/syntax';
import { isWord } from './values/slot-kind';

/** At least four slots with Node's words, or a channel after elements that could be streams. */
export function looksLikeStdio(elements: readonly (AnyNode | null)[]): boolean {
  const words = elements.filter(element => element !== null && mentionsWord(element)) as AnyNode[];
  const others = elements.filter(element => element !== null && !words.includes(element)) as AnyNode[];
  if (
    others.some(other =>
      other.type === 'Literal'
        ? typeof other.value === 'string'
        : /Expression$/.test(other.type) && !/^(?:Member|Conditional|Logical|Call|This)/.test(other.type),
    )
  )
    return false;
  const last = elements.at(-1);
  const endsInChannel = last != null && last.type === 'Literal' && last.value === 'ipc';
  const [first] = elements;
  if (first?.type === 'SpreadElement') return endsInChannel && isStdioName(nameOf(first.argument));
  return (
    (elements.length >= 4 && (words.length >= 3 || endsInChannel)) ||
    (words.length >= 2 && words.some(word => word.type === 'Literal' && word.value === 'ipc'))
  );
}

/** Whether an array is a list of words for look-ups: `new Set(['ipc', 'pipe'])`, `['ignore', 'ipc'].includes(x)`. */
export function isVocabulary(node: AnyNode): boolean {
  if (node.type !== 'ArrayExpression') return false;
  const { parent, elements } = node;
  if (parent?.type === 'NewExpression') return true;
  if (parent?.type === 'MemberExpression' && /^(?:includes|indexOf|has|some|join)$/.test(keyOf(parent) ?? ''))
    return true;
  // A `stdio` repeats words; a list for look-ups has each once.
  const words = elements.map(element => (element?.type === 'Literal' ? element.value : undefined));
  return words.length >= 4 && words.every(isWord) && new Set(words).size === words.length;
}

export function mentionsWord(node: AnyNode): boolean {
  if (node.type === 'ConditionalExpression')
    return mentionsWord(node.consequent) || mentionsWord(node.alternate);
  if (node.type === 'TemplateLiteral') return isWord(node.quasis[0]?.value.cooked);
  return node.type === 'Literal' && isWord(node.value);
}

export function isStdioName(name: string | undefined): boolean {
  return name !== undefined && /stdio/i.test(name);
}
