// Modules of the same package that a file imports, parsed with it: their functions are read for what they do.

import type { AnyNode, ExportNamedDeclaration, Literal, Program } from 'acorn';
import { parseSource } from './parse';
import { isExports, keyOf, nameOf } from './syntax';

export interface ModuleText {
  readonly text: string;
  readonly file: string;
}

/** Reads a module by a relative specifier, as the file writes it. */
export type LoadModule = (specifier: string) => ModuleText | undefined;

export interface LinkedModule {
  readonly program: Program;
  /** What the module exports, as an object literal or whatever it assigns to `module.exports`. */
  readonly exported: AnyNode;
}

/** Positions in a linked module begin here, and those of the next one at twice that. */
export const LINKED_START = 2 ** 32;

/** Whether a node is in the file itself, not in a module that it imports. */
export function isOwnNode({ start }: Pick<AnyNode, 'start'>): boolean {
  return start < LINKED_START;
}

/** The module that a literal names. The specifiers of linked modules are relative to other folders. */
export function specifierOf(literal: Literal, within: AnyNode): string {
  const specifier = String(literal.value);
  const isOwn = isOwnNode(within);
  return isOwn || !isRelative(specifier) ? specifier : `linked ${specifier}`;
}

/** Modules beyond these are not read. */
const MOST_MODULES = 8;
const LARGEST_TEXT = 512 * 1024;

export function isRelative(specifier: string): boolean {
  return /^\.\.?\//.test(specifier);
}

/** A module that cannot be read or parsed is left out. */
export function linkModules(
  specifiers: ReadonlySet<string>,
  load: LoadModule,
): ReadonlyMap<string, LinkedModule> {
  const linked = new Map<string, LinkedModule>();
  for (const specifier of [...specifiers].sort().slice(0, MOST_MODULES)) {
    const found = load(specifier);
    if (found === undefined || found.text.length > LARGEST_TEXT) continue;
    try {
      const program = parseSource(found.text, found.file);
      linked.set(specifier, { program, exported: exportsOf(program) });
    } catch {
      // The scan of that file itself reports why.
    }
  }
  return linked;
}

function exportsOf(program: Program): AnyNode {
  const properties: AnyNode[] = [];
  for (const statement of program.body) {
    if (statement.type === 'ExportDefaultDeclaration')
      properties.push(toProperty('default', statement.declaration));
    if (statement.type === 'ExportNamedDeclaration') properties.push(...namedExports(statement));
    if (statement.type !== 'ExpressionStatement') continue;
    const { expression } = statement;
    if (expression.type !== 'AssignmentExpression' || !isExports(expression.left)) continue;
    const { left, right } = expression;
    const name = left.type === 'MemberExpression' ? keyOf(left) : undefined;
    if (name === 'exports' || name === undefined) return right;
    properties.push(toProperty(name, right));
  }
  return toObject(properties, program);
}

function namedExports({ declaration, specifiers, source }: ExportNamedDeclaration): readonly AnyNode[] {
  if (declaration?.type === 'VariableDeclaration')
    return declaration.declarations.flatMap(({ id, init }) =>
      init ? [toProperty(nameOf(id) ?? '?', init)] : [],
    );
  if (declaration?.type === 'FunctionDeclaration') return [toProperty(declaration.id.name, declaration)];
  // What a module exports of another one is unknown.
  if (source != null) return [];
  return specifiers.map(({ exported, local }) => toProperty(nameOf(exported) ?? '?', local));
}

function toProperty(name: string, value: AnyNode): AnyNode {
  const key = { type: 'Identifier', name, start: 0, end: 0 };
  const property = { type: 'Property', key, value, kind: 'init', computed: false, start: 0, end: 0 };
  return property as unknown as AnyNode;
}

function toObject(properties: readonly AnyNode[], program: Program): AnyNode {
  return { type: 'ObjectExpression', properties, start: 0, end: 0, parent: program } as unknown as AnyNode;
}
