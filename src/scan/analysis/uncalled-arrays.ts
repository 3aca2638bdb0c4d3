// Sites without a call: arrays that have the name or the form of a `stdio`, and pushes of a channel.

import type { AnyNode } from 'acorn';
import type { FileAnalysis } from './find-sites';
import { isStdioName, isVocabulary, looksLikeStdio, mentionsWord } from './heuristics';
import { unique } from './site';
import { isOwnNode } from './source/linked-modules';
import { functionAround, keyOf, nameOf } from './source/syntax';
import type { Change } from './values/mutations';

export function addUncalledArrays(analysis: FileAnalysis): void {
  const startsProcess = analysis.tree.calls.some(call => analysis.starts.startedBy(call) !== undefined);
  addNamed(analysis);
  addByForm(analysis, startsProcess);
  for (const change of analysis.arrays.changes)
    if (isOwnNode(change.node)) addChange(analysis, change, startsProcess);
}

/** Properties, members, variables and fields that are called `stdio`. */
function addNamed({ tree, arrays, collector }: FileAnalysis): void {
  for (const property of tree.properties)
    if (isStdioName(keyOf(property))) collector.addUncalled(property.value, arrays.of(property.value));
  for (const { left, right } of tree.assignments) {
    const isMember = left.type === 'MemberExpression';
    if (isStdioName(isMember ? keyOf(left) : nameOf(left)))
      collector.addUncalled(right, arrays.of(isMember ? left : right));
  }
  for (const { id, init } of tree.declarators)
    if (init && isStdioName(nameOf(id))) collector.addUncalled(init, arrays.of(id));
  for (const { key, value, computed } of tree.fields)
    if (value && isStdioName(keyOf({ key, computed }))) collector.addUncalled(value, arrays.of(value));
}

/** Arrays whose elements leave little doubt, anywhere. */
function addByForm({ tree, arrays, collector }: FileAnalysis, startsProcess: boolean): void {
  for (const array of tree.arrays) {
    if (collector.isAccountedFor(array) || isVocabulary(array) || !looksLikeStdio(array.elements)) continue;
    const confidence = isStdioName(functionName(array)) || startsProcess ? 'likely' : 'possible';
    collector.addUncalled(array, arrays.of(array), { confidence, reason: 'words' });
  }
}

function addChange({ arrays, collector }: FileAnalysis, change: Change, startsProcess: boolean): void {
  const { node, target, values, how, index } = change;
  if (collector.isAccountedFor(node) || how === 'fill' || how === 'shrink') return;
  const isNamed = isStdioName(target.type === 'MemberExpression' ? keyOf(target) : nameOf(target));
  // `Kind[Kind["ipc"] = 1] = "ipc"`, and other tables with such a word.
  if (how === 'index' && !isNamed) return;
  const number = index?.type === 'Literal' ? Number(index.value) : undefined;
  const kinds = values
    .filter(value => value.type !== 'SpreadElement' && mentionsWord(value))
    .flatMap(value => arrays.slot(value).kinds)
    .filter(kind => kind === 'ipc' || number === undefined || number >= 3);
  if (!(isNamed ? kinds.length > 0 : kinds.includes('ipc'))) return;
  collector.accountFor([node]);
  collector.add(node, {
    siteType: 'stdio',
    confidence: isNamed || startsProcess ? 'likely' : 'possible',
    kinds: unique(kinds),
    slots: number === undefined ? [] : [number],
    more: number === undefined,
    reason: 'added',
  });
}

function functionName(node: AnyNode): string | undefined {
  const fn = functionAround(node);
  if (fn === undefined) return undefined;
  if (fn.id) return fn.id.name;
  const { parent } = fn;
  if (parent?.type === 'MethodDefinition' || parent?.type === 'Property') return keyOf(parent);
  return parent?.type === 'VariableDeclarator' ? nameOf(parent.id) : undefined;
}
