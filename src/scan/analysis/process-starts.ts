// Which calls start a process, and by which function.

import type { AnyNode, CallExpression, MemberExpression, NewExpression } from 'acorn';
import type { Tree } from './source/index-tree';
import { keyOf } from './source/syntax';
import type { DataFlow } from './values/data-flow';
import type { Export, Exports } from './values/resolve-import';

export type Call = CallExpression | NewExpression;

export const OWN_PACKAGE = 'closefds';
/** child_process's functions that read `stdio`. `exec` and `execFile` do not. */
const STARTERS: ReadonlySet<string> = new Set([
  'spawn',
  'spawnSync',
  'fork',
  'execFileSync',
  'execSync',
  '_forkChild',
]);

export class ProcessStarts {
  constructor(
    private readonly tree: Tree,
    private readonly flow: DataFlow,
    private readonly exports: Exports,
  ) {}

  /** The export that a call runs: of `Reflect.apply(cp.spawn, ...)` its first argument. */
  exportCalledBy(call: Call): Export | undefined {
    return this.exports.of(calledBy(call));
  }

  /** The name of the function that starts a process; undefined for other calls. */
  startedBy(call: Call, found = this.exportCalledBy(call)): string | undefined {
    const { callee, type } = call;
    if (type === 'NewExpression' && this.extendsChildProcess(callee)) return 'new ChildProcess';
    if (callee.type === 'MemberExpression' && keyOf(callee) === 'spawn' && this.isChildProcess(callee.object))
      return 'ChildProcess.spawn';
    if (found === undefined || found.module === 'process' || found.module === OWN_PACKAGE) return undefined;
    const [name, ...rest] = found.path;
    if (found.module !== 'child_process')
      return rest.length > 1 ? undefined : [found.module, ...found.path].join('.');
    if (name === 'ChildProcess') return type === 'NewExpression' ? 'new ChildProcess' : undefined;
    const isCalled = rest.length === 0 || rest[0] === 'call' || rest[0] === 'apply';
    return name !== undefined && STARTERS.has(name) && isCalled ? name : undefined;
  }

  /** Whether a call is of a method of the global `process`. */
  isOfProcess(callee: AnyNode, name: string, found: Export | undefined): boolean {
    if (found?.module === 'process') return found.path[0] === name;
    if (!isNamedProcess(callee, name)) return false;
    // The file may have another object of that name.
    const { object } = callee as MemberExpression;
    return !this.flow.all(object).some(value => /^(?:New|Object|Class)Expression$/.test(value.type));
  }

  private isChildProcess(node: AnyNode): boolean {
    return this.flow
      .all(node)
      .some(
        value =>
          value.type === 'NewExpression' &&
          (this.exports.of(value.callee)?.path[0] === 'ChildProcess' ||
            this.extendsChildProcess(value.callee)),
      );
  }

  /**
   * `class Mine extends ChildProcess`. It looks at the declaration of the name only, since data flow for
   * every `new` would take too long.
   */
  private extendsChildProcess(callee: AnyNode): boolean {
    const sources = callee.type === 'Identifier' ? (this.tree.resolve(callee)?.sources ?? []) : [];
    return sources.some(
      source =>
        source.from === 'value' &&
        source.path.length === 0 &&
        (source.value.type === 'ClassDeclaration' || source.value.type === 'ClassExpression') &&
        source.value.superClass != null &&
        this.exports.of(source.value.superClass)?.path[0] === 'ChildProcess',
    );
  }
}

function calledBy({ callee, arguments: [first] }: Call): AnyNode {
  const isReflect =
    callee.type === 'MemberExpression' &&
    callee.object.type === 'Identifier' &&
    callee.object.name === 'Reflect' &&
    keyOf(callee) === 'apply';
  return isReflect && first !== undefined ? first : callee;
}

function isNamedProcess(callee: AnyNode, name: string): boolean {
  if (callee.type !== 'MemberExpression' || keyOf(callee) !== name) return false;
  const { object } = callee;
  if (object.type === 'Identifier') return object.name === 'process';
  return object.type === 'MemberExpression' && keyOf(object) === 'process';
}
