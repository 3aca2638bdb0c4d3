// Measures functions: their lines, and how deeply their statements are nested.

import { parse } from '@babel/parser';

export interface FunctionSize {
  /** `file:line name`. */
  readonly where: string;
  /** From the first line to the last, with everything between. */
  readonly lines: number;
  /** Nested statements, counted as ESLint's `max-depth` does: an inner function starts from 0. */
  readonly depth: number;
}

interface Node {
  readonly type: string;
  readonly loc: { readonly start: { readonly line: number }; readonly end: { readonly line: number } };
  readonly [key: string]: unknown;
}

const FUNCTIONS =
  /^(?:Function(?:Declaration|Expression)|ArrowFunctionExpression|(?:Object|Class|ClassPrivate)Method)$/;
const NESTING = /^(?:If|Switch|Try|While|DoWhile|With|For|ForIn|ForOf)Statement$/;

export function measureFunctions(text: string, file: string): readonly FunctionSize[] {
  const sizes: FunctionSize[] = [];
  const { program } = parse(text, { sourceType: 'module', plugins: ['typescript'] });
  for (const { node, name } of functionsIn(program as unknown as Node, ''))
    sizes.push({
      where: `${file}:${node.loc.start.line} ${name}`,
      lines: node.loc.end.line - node.loc.start.line + 1,
      depth: Math.max(0, ...children(node).map(child => depthOf(child, node))),
    });
  return sizes;
}

function* functionsIn(node: Node, name: string): Generator<{ node: Node; name: string }> {
  const own = nameOf(node) ?? name;
  if (FUNCTIONS.test(node.type)) yield { node, name: own || 'anonymous' };
  for (const child of children(node)) yield* functionsIn(child, own);
}

function nameOf({ id, key }: Node): string | undefined {
  return ((id ?? key) as { name?: string } | null | undefined)?.name;
}

function depthOf(node: Node, parent: Node): number {
  if (FUNCTIONS.test(node.type)) return 0;
  // `else if` is no deeper than its `if`.
  const isElseIf = node.type === 'IfStatement' && parent.alternate === node;
  const own = NESTING.test(node.type) && !isElseIf ? 1 : 0;
  return own + Math.max(0, ...children(node).map(child => depthOf(child, node)));
}

function children(node: Node): readonly Node[] {
  return Object.values(node).flat().filter(isNode);
}

function isNode(value: unknown): value is Node {
  return typeof (value as Node | null)?.type === 'string' && (value as Node).loc !== undefined;
}
