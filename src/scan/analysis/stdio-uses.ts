// Sites that use a child's stdio above 2: `child.stdio[3].on(...)`. Something starts that child with a pipe there.

import type { AnyNode, MemberExpression } from 'acorn';
import type { FileAnalysis } from './find-sites';
import { pushTo } from './source/index-tree';
import { keyOf } from './source/syntax';

type StdioUses = Map<AnyNode, number[]>;

/** Larger numbers are no slots. */
const NUMBER_LIMIT = 1024;

export function addStdioUses(analysis: FileAnalysis): void {
  const { tree, collector } = analysis;
  const uses: StdioUses = new Map();
  for (const member of tree.members) addMember(analysis, member, uses);
  for (const { id, init } of tree.declarators) if (init) addPattern(id, isStdioMember(init), uses);
  for (const { left, right } of tree.assignments) addPattern(left, isStdioMember(right), uses);
  for (const { callee, arguments: args } of tree.calls) {
    const [first] = args;
    if (callee.type !== 'MemberExpression' || keyOf(callee) !== 'at' || first?.type !== 'Literal') continue;
    if (isStdioMember(callee.object)) add(uses, callee, Number(first.value));
  }
  for (const [node, slots] of uses)
    collector.add(node, { siteType: 'use', confidence: 'likely', kinds: ['pipe'], slots, reason: 'used' });
}

function add(uses: StdioUses, node: AnyNode, number: number): void {
  if (number >= 3 && number < NUMBER_LIMIT) pushTo(uses, node, number);
}

function addMember(analysis: FileAnalysis, member: MemberExpression, uses: StdioUses): void {
  const { object, property, computed } = member;
  if (!computed || property.type !== 'Literal' || typeof property.value !== 'number') return;
  if (isAssigned(member)) return;
  if (isStdioMember(object) || (isStdioOfChild(analysis, object) && isStream(member)))
    add(uses, member, property.value);
}

/** A variable for a child's stdio: `const { stdio } = child`, `const pipes = child.stdio`. */
function isStdioOfChild({ tree }: FileAnalysis, node: AnyNode): boolean {
  if (node.type !== 'Identifier') return false;
  return (tree.resolve(node)?.sources ?? []).some(
    source =>
      source.path.at(-1) === 'stdio' ||
      (source.from === 'value' && source.path.length === 0 && isStdioMember(source.value)),
  );
}

/** `const [, , , out] = child.stdio`, `const { 3: out } = child.stdio`, `const { stdio: [, , , out] } = child`. */
function addPattern(pattern: AnyNode, isStdio: boolean, uses: StdioUses): void {
  if (pattern.type === 'ArrayPattern' && isStdio)
    for (const [index, element] of pattern.elements.entries()) if (element) add(uses, pattern, index);
  if (pattern.type !== 'ObjectPattern') return;
  for (const property of pattern.properties) {
    if (property.type !== 'Property') continue;
    if (isStdio) add(uses, pattern, Number(keyOf(property)));
    else addPattern(property.value, keyOf(property) === 'stdio', uses);
  }
}

function isStdioMember(node: AnyNode): boolean {
  return node.type === 'MemberExpression' && keyOf(node) === 'stdio';
}

/** Whether a method of streams is used: then the variable is no option that is being read. */
function isStream({ parent }: MemberExpression): boolean {
  return parent?.type === 'MemberExpression' && STREAM.test(keyOf(parent) ?? '');
}

const STREAM =
  /^(?:on|once|off|write|end|pipe|read|destroy|resume|pause|ref|unref|setEncoding|addListener|removeAllListeners)$/;

function isAssigned(node: AnyNode): boolean {
  const { parent } = node;
  return parent?.type === 'AssignmentExpression' && parent.left === node;
}
