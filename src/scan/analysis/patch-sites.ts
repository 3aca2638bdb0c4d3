// Sites that replace functions of child_process.

import type { AnyNode, MemberExpression } from 'acorn';
import type { FileAnalysis } from './find-sites';
import type { Call } from './process-starts';
import type { Site } from './site';
import { calledName } from './source/compiled-helpers';
import { elementsOf, keyOf, nameOf } from './source/syntax';

const PATCHED = /^(?:spawn|fork|exec|execFile|spawnSync|execSync|execFileSync)$/;

/** Steps of the data flow for the names that are replaced in an object which may be another. */
const BUDGET = 100;

/** `cp.spawn = function () { ... }`. */
export function addAssignedPatches(analysis: FileAnalysis): void {
  for (const { left, right } of analysis.tree.assignments)
    if (left.type === 'MemberExpression') addAssigned(analysis, left, right);
}

function addAssigned(analysis: FileAnalysis, left: MemberExpression, right: AnyNode): void {
  const owner = patchedObject(analysis, left.object);
  if (owner === undefined) {
    addPatchOfParameter(analysis, left, left.object, () => namesOf(analysis, left));
    return;
  }
  // `cp.spawn = cp.spawn` and interop helpers copy. A patch assigns another function.
  const isCopy = right.type === 'MemberExpression';
  if (analysis.exports.of(right)?.module === 'child_process' && isCopy) return;
  addPatch(analysis, left, owner, namesOf(analysis, left), CERTAIN);
}

/** `shimmer.wrap(cp, 'spawn', ...)`, `Object.defineProperty(cp, 'spawn', ...)`, `Object.assign(cp, { spawn })`. */
export function addCalledPatch(analysis: FileAnalysis, call: Call): void {
  const [target, name] = call.arguments;
  if (target === undefined || name === undefined) return;
  const verb = call.callee.type === 'MemberExpression' ? keyOf(call.callee) : nameOf(call.callee);
  const isOne = call.arguments.length >= 3 && /wrap|patch|record|defineProperty$|^set$/i.test(verb ?? '');
  const isMany = /^(?:massWrap|assign|defineProperties)$/.test(verb ?? '');
  if (!isOne && !isMany) return;
  const targets = target.type === 'ArrayExpression' ? elementsOf(target) : [target];
  const owner = targets.map(node => patchedObject(analysis, node)).find(owner => owner !== undefined);
  const names = () => patchedNames(analysis, call, isMany);
  if (owner !== undefined) addPatch(analysis, call, owner, names(), CERTAIN);
  else for (const target of targets) addPatchOfParameter(analysis, call, target, names);
}

function patchedNames(analysis: FileAnalysis, call: Call, isMany: boolean): readonly string[] {
  const [, name] = call.arguments;
  if (name === undefined) return [];
  const listed = (isMany ? call.arguments.slice(1) : [name]).flatMap(node => keysIn(analysis, node));
  return isMany ? listed : [...stringsIn(analysis, name), ...listed];
}

type PatchGrade = Pick<Site, 'confidence' | 'reason'>;

const CERTAIN: PatchGrade = { confidence: 'certain', reason: 'own-function' };

function addPatch(
  { collector }: FileAnalysis,
  node: AnyNode,
  owner: string,
  names: readonly string[],
  grade: PatchGrade,
): void {
  const name = names.find(name => PATCHED.test(name));
  if (name === undefined) return;
  collector.add(node, { siteType: 'patch', ...grade, kinds: [], callee: owner + name });
}

/** An agent's `function (childProcess, shim) { shim.wrap(childProcess, 'spawn', f) }`, which gets the module. */
function addPatchOfParameter(
  analysis: FileAnalysis,
  node: AnyNode,
  target: AnyNode,
  namesOf: () => readonly string[],
): void {
  if (target.type !== 'Identifier') return;
  const sources = analysis.tree.resolve(target)?.sources ?? [];
  if (!sources.some(({ from }) => from === 'parameter')) return;
  const isNamed = /child_?process/i.test(target.name);
  // Most calls of that form are about other objects.
  const names = analysis.flow.withBudget(BUDGET, namesOf);
  // Several functions of child_process at once are no accident.
  const isLike = new Set(names.filter(name => PATCHED.test(name))).size > 1;
  if (isNamed || isLike)
    addPatch(analysis, node, '', names, {
      confidence: isNamed ? 'likely' : 'possible',
      reason: 'own-function-of-parameter',
    });
}

/** The prefix of the function's name; undefined for objects that are not child_process's. */
function patchedObject({ exports, flow }: FileAnalysis, node: AnyNode): string | undefined {
  const found = exports.of(node);
  if (found?.module !== 'child_process') return undefined;
  // `Object.create(cp)` is another object.
  const isCopy = (value: AnyNode) =>
    value.type === 'CallExpression' && /^(?:create|clone)$/.test(calledName(value.callee) ?? '');
  if (flow.all(node).some(isCopy)) return undefined;
  if (found.path.length === 0) return '';
  const isPrototype = found.path[0] === 'ChildProcess' && found.path.at(-1) === 'prototype';
  return isPrototype ? 'ChildProcess.prototype.' : undefined;
}

/** `cp.spawn`, and `cp[name]` in a loop over names. */
function namesOf(analysis: FileAnalysis, member: MemberExpression): readonly string[] {
  const name = keyOf(member);
  return name === undefined ? stringsIn(analysis, member.property) : [name];
}

function stringsIn({ flow }: FileAnalysis, node: AnyNode): readonly string[] {
  return flow.all(node).flatMap(value => (value.type === 'Literal' ? [String(value.value)] : []));
}

/** The keys of an object, the strings of an array. */
function keysIn(analysis: FileAnalysis, node: AnyNode): readonly string[] {
  return analysis.flow.all(node).flatMap(value => {
    if (value.type === 'ArrayExpression')
      return elementsOf(value).flatMap(element => stringsIn(analysis, element));
    if (value.type !== 'ObjectExpression') return [];
    return value.properties.flatMap(property => {
      const key = property.type === 'Property' ? keyOf(property) : undefined;
      return key === undefined ? [] : [key];
    });
  });
}
