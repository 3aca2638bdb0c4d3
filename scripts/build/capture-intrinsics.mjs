// Rewrites source text so that it uses the intrinsics captured at load: see src/base/captured.ts.
//
//   list.map(work)              $p.$map(list, work)
//   for (const x of list)       for (const x of $p.of(list))
//   [...list, x]                [...$p.of(list), x]
//   const [first] = list        const [first] = $p.of(list)
//   ([key, value]) => ...       ({0: key, 1: value}) => ...
//   Object.keys(x), new Map()   $p.Object.keys(x), new $p.Map()
//
// The rewriter knows no types: `$p.$map` looks at its first argument when it runs. Lines stay as they are, so
// stacks and source maps name them right. What cannot be rewritten is an error, with its file and line.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from '@babel/parser';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** The module that captures; it has the only lists of names. */
const CAPTURED = path.join(root, 'src', 'base', 'captured.ts');
const { METHODS, STATICS, VALUES } = readLists();

/** Their captured methods are in place of the prototype: `const { includes } = Array.prototype`. */
const WITH_PROTOTYPE = new Set(['Array', 'Object', 'String']);

function readLists() {
  const text = readFileSync(CAPTURED, 'utf8');
  const [, methods, statics, values] = text.split(/^const (?:methods|statics|values) = /m);
  const lists = part => [...part.split('\n\n')[0].matchAll(/^ *(\w+: )?pick\(\s*([\w.]+),\s*'([^']+)'/gm)];
  return {
    METHODS: new Set(lists(methods).flatMap(([, , , names]) => names.split(' '))),
    STATICS: new Map(lists(statics).map(([, , holder, names]) => [holder, new Set(names.split(' '))])),
    VALUES: new Set(lists(values)[0][3].split(' ')),
  };
}

/** The text of a file in terms of `$p`, which the caller declares, or of another expression for it. */
export function captureIntrinsics(text, file, table = '$p') {
  const edits = editsOf(text, file, table);
  return edits.length === 0 ? text : applyEdits(text, edits);
}

/** The positions in a text that use an intrinsic as it is then, not as it was at load, and what they use. */
export function uncapturedUses(text, file) {
  return editsOf(text, file, '$p')
    .filter(({ what }) => what !== undefined)
    .map(({ start, what }) => ({ line: text.slice(0, start).split('\n').length, what }));
}

/** Edits replace the text from `start` to `end`; those of outer nodes come first. */
function editsOf(text, file, table) {
  const { program } = parse(text, {
    sourceType: 'unambiguous',
    plugins: ['typescript'],
    createParenthesizedExpressions: true,
  });
  const context = { text, file, table, edits: [], declared: new Set(), modules: new Set() };
  walk(program, undefined, '', (node, parent, key) => declare(node, parent, key, context));
  walk(program, undefined, '', (node, parent, key) => rewrite(node, parent, key, context));
  return context.edits;
}

/** Calls `visit` for each node that is there at run time, outer ones first. */
function walk(node, parent, key, visit) {
  if (visit(node, parent, key) === false) return;
  for (const [name, value] of Object.entries(node)) {
    if (
      name === 'loc' ||
      name.endsWith('Comments') ||
      /^(?:type|return)(?:Annotation|Parameters|Arguments|Type)$/.test(name)
    )
      continue;
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === 'string' && isAtRuntime(child)) walk(child, node, name, visit);
    }
  }
}

const TYPED_VALUES = new Set([
  'TSAsExpression',
  'TSNonNullExpression',
  'TSSatisfiesExpression',
  'TSParameterProperty',
  'TSImportEqualsDeclaration',
  'TSExportAssignment',
]);

function isAtRuntime({ type, declare: isDeclared }) {
  return isDeclared !== true && (!type.startsWith('TS') || TYPED_VALUES.has(type));
}

function declare(node, parent, key, { declared, modules }) {
  if (node.type === 'TSImportEqualsDeclaration') modules.add(node.id.name);
  if (node.type === 'ImportNamespaceSpecifier') modules.add(node.local.name);
  if (node.type === 'TSImportEqualsDeclaration') declared.add(node.id.name);
  if (node.type !== 'Identifier') return;
  const declares =
    (key === 'id' && /^(?:VariableDeclarator|Function|Class)/.test(parent.type)) ||
    (key === 'local' && parent.type.startsWith('Import')) ||
    (key === 'params' && /Function|Method/.test(parent.type)) ||
    (key === 'param' && parent.type === 'CatchClause');
  if (declares) declared.add(node.name);
}

function rewrite(node, parent, key, context) {
  const { edits } = context;
  switch (node.type) {
    case 'ImportDeclaration':
    case 'TSImportEqualsDeclaration':
      return false;
    case 'CallExpression':
    case 'OptionalCallExpression':
      return rewriteCall(node, context);
    case 'OptionalMemberExpression':
      // After a rewritten call, the rest of the chain has to stop by itself.
      if (!node.optional && endsChain(node.object, context))
        edits.push({ start: node.object.end, end: node.object.end, text: node.computed ? '?.' : '?' });
      return;
    case 'ForOfStatement':
      wrap(node.right, `${context.table}.of(`, ')', 'for-of', context);
      if (node.left.type === 'VariableDeclaration') toObjectPattern(node.left.declarations[0].id, context);
      return;
    case 'SpreadElement':
      if (parent.type !== 'ObjectExpression')
        wrap(node.argument, `${context.table}.of(`, ')', 'spread', context);
      return;
    case 'VariableDeclarator':
      if (node.id.type === 'ArrayPattern' && node.init)
        wrap(node.init, `${context.table}.of(`, ')', 'array pattern', context);
      return;
    case 'AssignmentExpression':
      if (node.left.type === 'ArrayPattern')
        wrap(node.right, `${context.table}.of(`, ')', 'array pattern', context);
      return;
    case 'ArrayPattern':
      if (!isOutermost(parent, key)) toObjectPattern(node, context);
      return;
    case 'YieldExpression':
      if (node.delegate) wrap(node.argument, `${context.table}.of(`, ')', 'yield*', context);
      return;
    case 'Identifier':
      return rewriteGlobal(node, parent, key, context);
  }
}

function isOutermost(parent, key) {
  return (
    (parent.type === 'VariableDeclarator' && key === 'id') ||
    (parent.type === 'AssignmentExpression' && key === 'left') ||
    parent.isRewritten === true
  );
}

/** `[a, , b = 1]` to `{0: a, 2: b = 1}`: right for arrays, which is what parameters and entries are. */
function toObjectPattern(pattern, context) {
  const { text, edits } = context;
  if (pattern.type !== 'ArrayPattern' || pattern.isRewritten) return;
  pattern.isRewritten = true;
  const elements = pattern.elements.flatMap((element, index) =>
    element === null ? [] : [{ element, index }],
  );
  let at = pattern.start;
  for (const { element, index } of elements) {
    if (element.type === 'RestElement')
      fail(element, 'a rest element in the pattern of a parameter', context);
    edits.push({
      start: at,
      end: element.start,
      text: `${at === pattern.start ? '{' : ','}${index}:`,
      what: at === pattern.start ? 'array pattern' : undefined,
    });
    at = element.end;
  }
  const end = text.indexOf(']', at) + 1;
  edits.push({ start: at, end, text: at === pattern.start ? '{}' : '}' });
}

function rewriteCall(node, context) {
  const { text, edits, table } = context;
  const { callee } = node;
  if (!isRewritten(node, context)) return;
  const { object, property } = callee;
  const isOptional = callee.type === 'OptionalMemberExpression';
  if (node.optional) fail(node, `a call of an optional method: ${property.name}?.()`, context);
  if (isOptional && node.arguments.some(argument => isWork(argument, object)))
    fail(
      node,
      `work in the arguments of ?.${property.name}(), which is done even if there is no object`,
      context,
    );
  const name = isOptional ? `${table}.optional(` : `${table}.$${property.name}(`;
  edits.push({ start: node.start, end: node.start, text: name, what: `${property.name}()` });
  const paren = text.indexOf('(', (node.typeParameters ?? property).end);
  const rest = node.arguments.length === 0 ? '' : ',';
  edits.push({ start: object.end, end: paren + 1, text: isOptional ? `,'$${property.name}'${rest}` : rest });
}

/** Whether an argument does something, or reads what may be missing with the object. A function is only made. */
function isWork({ type, argument, object: holder, computed, expressions = [] }, object) {
  const isInner = inner => isWork(inner, object);
  if (type === 'UnaryExpression') return isInner(argument);
  if (type === 'TemplateLiteral') return expressions.some(isInner);
  if (type === 'MemberExpression' && !computed)
    return (holder.type === 'Identifier' && holder.name === object.name) || isInner(holder);
  return !/^(?:ArrowFunction|Function)Expression$|Literal$|^Identifier$/.test(type);
}

/** Whether a call is one of a captured method. */
function isRewritten({ callee }, { modules, declared }) {
  if (!/^(?:Optional)?MemberExpression$/.test(callee?.type)) return false;
  const { object, property, computed } = callee;
  if (computed || property.type !== 'Identifier' || !METHODS.has(property.name)) return false;
  if (object.type === 'Super' || object.type === 'Import') return false;
  if (object.type !== 'Identifier') return true;
  if (object.name === '$p' || modules.has(object.name)) return false;
  return declared.has(object.name) || !STATICS.has(object.name);
}

/** Whether a chain goes on after a rewritten call, which returned undefined where the chain would have ended. */
function endsChain(object, context) {
  if (object.type === 'OptionalCallExpression')
    return isRewritten(object, context) || endsChain(object.callee, context);
  return object.type === 'OptionalMemberExpression' && endsChain(object.object, context);
}

function rewriteGlobal(node, parent, key, context) {
  const { name, start, end } = node;
  const { declared, edits, table } = context;
  if (declared.has(name) || !(STATICS.has(name) || VALUES.has(name))) return;
  const isName =
    (key === 'property' && !parent.computed) ||
    (key === 'key' && !parent.computed && !parent.shorthand) ||
    /^(?:Labeled|Break|Continue|Import|Export|Meta)/.test(parent.type);
  if (isName) return;
  const isObject = key === 'object' && /^(?:Optional)?MemberExpression$/.test(parent.type);
  if (isObject) requireStatic(name, parent, context);
  const text = `${table}.${name}${STATICS.has(name) && !isObject ? '_' : ''}`;
  if (!parent.shorthand) edits.push({ start, end, text, what: name });
  else if (key === 'value') edits.push({ start, end, text: `${name}:${text}`, what: name });
}

function requireStatic(name, member, context) {
  const { property, computed } = member;
  const known = STATICS.get(name);
  if (known === undefined) return;
  if (WITH_PROTOTYPE.has(name) && property.name === 'prototype') {
    if (!isSourceOfMethods(member, context)) fail(property, `${name}.prototype as a value`, context);
    return;
  }
  if (computed || !known.has(property.name))
    fail(property, `${name}.${property.name}, which base/captured lacks,`, context);
}

/** `Array.prototype.push` or `const { push } = Array.prototype`. A comparison with the table of methods is never true. */
function isSourceOfMethods({ start, end }, { text }) {
  return /^\s*\??\.\s*\w/.test(text.slice(end)) || /\}\s*=\s*$/.test(text.slice(0, start));
}

function wrap(node, before, after, what, { edits, table }) {
  const { start, end, callee } = node;
  // In a bundle, whose sources were rewritten.
  if (callee?.property?.name === 'of' && callee.object.name === table) return;
  edits.push({ start, end: start, text: before, what });
  edits.push({ start: end, end, text: after, closes: true });
}

function fail({ start }, what, { text, file }) {
  const line = text.slice(0, start).split('\n').length;
  throw new Error(`${path.relative(root, file)}:${line}: ${what} cannot be rewritten to captured intrinsics`);
}

/** Keeps the line breaks of what is replaced. */
function applyEdits(text, edits) {
  const inOrder = edits.map((edit, order) => ({ ...edit, order })).sort(byPosition);
  let result = '';
  let at = 0;
  for (const { start, end, text: by } of inOrder) {
    if (start < at) throw new Error(`edits overlap at ${text.slice(start, start + 40)}`);
    result += text.slice(at, start) + by + text.slice(start, end).replace(/[^\n]+/g, '');
    at = end;
  }
  return result + text.slice(at);
}

/** At one position: what closes, inner nodes first; what is inserted, outer nodes first; what is replaced. */
function byPosition(a, b) {
  if (a.start !== b.start) return a.start - b.start;
  const rank = ({ closes, start, end }) => (closes ? 0 : start === end ? 1 : 2);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  return a.closes ? b.order - a.order : a.order - b.order;
}
