// The decision: which of the FDs that would cross exec may do so.
//
// Pure. It must not learn the mode, the time or the environment: a warn run has to show
// exactly what enforce will do. See src/spawn/spawn-guard.ts.

import { matchesGlob } from '../base/glob';
import { matchesRange } from '../base/semver-range';
import type { Caller } from '../model/caller';
import type { ChildFd, Kind, SpawnRequest } from '../model/spawn-request';
import { DENY_ALL, DESIGNATED, type Effect, type Policy, type Rule } from './rule';

/** What was decided for one FD, and by which rule. */
export interface RuleMatch {
  readonly fd: ChildFd;
  readonly effect: Effect;
  readonly rule: Rule;
  /** Of what nobody allowed: the ranges in which the compat table knows the caller to pass it. */
  readonly knownIn: readonly string[];
}

/** All verdicts of one spawn. */
export interface Evaluation {
  readonly request: SpawnRequest;
  readonly caller: Caller | undefined;
  readonly matches: readonly RuleMatch[];
}

/** Judges each FD on its own: one denial does not deny the rest. */
export function evaluate(request: SpawnRequest, caller: Caller | undefined, policy: Policy): Evaluation {
  // A process may have many strays and a policy many rules, of which few speak of this spawn.
  const kinds = new Set(request.fds.map(fd => fd.kind));
  const rules = policy.rules.filter(
    rule =>
      kindsOf(rule).some(kind => kinds.has(kind)) &&
      matchesCommand(rule, request) &&
      matchesCaller(rule, caller, policy),
  );
  let known: readonly Rule[] | undefined;
  return { request, caller, matches: request.fds.map(match) };

  function match(fd: ChildFd): RuleMatch {
    // Defaults are rules too, so a match is missing only if somebody built a policy without them.
    const rule = rules.find(rule => matchesFd(rule, fd)) ?? DENY_ALL;
    return { fd, effect: rule.effect, rule, knownIn: rule === DENY_ALL ? knownRanges(fd) : [] };
  }

  function knownRanges(fd: ChildFd): string[] {
    known ??= policy.rules
      .filter(rule => rule.compat && rule.knownUpTo === undefined)
      .filter(rule => matchesCommand(rule, request) && matchesName(rule, caller, policy));
    return known.filter(rule => matchesFd(rule, fd)).flatMap(({ range }) => range ?? []);
  }
}

function kindsOf(rule: Rule): readonly Kind[] {
  return rule.kinds ?? DESIGNATED;
}

function matchesFd(rule: Rule, fd: ChildFd): boolean {
  const { kind, childFd, file, explicit } = fd;
  return (
    kindsOf(rule).includes(kind) &&
    (rule.fds === undefined || rule.fds.includes(childFd)) &&
    (rule.target === undefined || (file.target !== undefined && matchesGlob(file.target, rule.target))) &&
    (rule.type === undefined || rule.type === file.type) &&
    (rule.access === undefined || rule.access === file.access) &&
    (rule.explicit === undefined || explicit) &&
    (rule.nullDevice === undefined || file.isNullDevice)
  );
}

function matchesCommand(rule: Rule, request: SpawnRequest): boolean {
  if (rule.command === undefined) return true;
  const { command } = request.call;
  return matchesGlob(rule.command.includes('/') ? command : baseName(command), rule.command);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** A caller nobody could name matches only rules that ask for none. */
function matchesCaller(rule: Rule, caller: Caller | undefined, policy: Policy): boolean {
  if (!matchesName(rule, caller, policy)) return false;
  if (rule.range !== undefined && !matchesRange(caller?.version, rule.range)) return false;
  if (rule.callSite === undefined) return true;
  const { file, fileInPackage } = caller ?? {};
  return [file, fileInPackage].some(path => path !== undefined && matchesGlob(path, rule.callSite as string));
}

function matchesName(rule: Rule, caller: Caller | undefined, policy: Policy): boolean {
  if (rule.caller === undefined || rule.caller === '*') return true;
  return (rule.compat ? trueName(caller, policy) : caller?.name) === rule.caller;
}

/**
 * What the compat table knows a caller by. A folder whose package.json has another name (an npm
 * alias) may hold anything: it counts only if the config says that this is what it is.
 */
function trueName(caller: Caller | undefined, policy: Policy): string | undefined {
  if (caller === undefined || caller.declaredName === undefined) return caller?.name;
  const { name, declaredName } = caller;
  return Object.hasOwn(policy.aliases, name) && policy.aliases[name] === declaredName
    ? declaredName
    : undefined;
}
