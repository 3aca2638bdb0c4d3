// The conditions of a rule. To add one, add it here: to the interface, to CONDITIONS and to CONDITION_TEXTS.
//
// The config parser, the matcher, `check`, `explain`, `learn` and config.schema.json use these tables. There are
// two because the preloads load only the first: esbuild leaves the second out of their bundles, since it is a
// literal without calls.

import { baseName } from '../base/base-name';
import { matchesGlob } from '../base/glob';
import { matchesRange, rangeOfVersions } from '../base/semver-range';
import type { Access, FileType, Kind } from '../model/spawn-request';
import {
  type Answer,
  answerOf,
  type CallerFacts,
  type CallFacts,
  either,
  type Fact,
  type FdFacts,
  type PlaceFacts,
} from './facts';
import { DESIGNATED, KINDS, type Policy, type Rule } from './rule';
import type { ValueName, ValueTypes } from './value-types';

/** A condition that is missing holds. */
export interface RuleConditions {
  /** A package's name, `"."` for the app, `"*"` for any caller. */
  readonly caller?: string;
  /** Which versions of the caller, as semver writes ranges; prereleases count. */
  readonly range?: string;
  /** Packages that count as launchers for this rule, each of which the caller's call has to come through. */
  readonly via?: readonly string[];
  /** Glob on the main program of the process: its path below the app's root, or absolute. */
  readonly script?: string;
  /** Default: all but `stray`. */
  readonly kinds?: readonly Kind[];
  /** Numbers in the child. */
  readonly fds?: readonly number[];
  /** Glob on the executable's name, or on its path if the glob has a slash. */
  readonly command?: string;
  /** Glob on the calling file, relative to its package (or to the app), or absolute. */
  readonly callSite?: string;
  /** Glob on what the FD points to. */
  readonly target?: string;
  readonly type?: FileType;
  readonly access?: Access;
  /** Only what `withFds()` designated. Not for config files. */
  readonly explicit?: boolean;
  /** Only the null device. Not for config files. */
  readonly nullDevice?: boolean;
}

export type ConditionKey = keyof RuleConditions;

// ---------------------------------------------------------------------------------------------
// Parse and match
// ---------------------------------------------------------------------------------------------

/** Package names of the compat table are true names; see nameOf(). */
export type MatchContext = Pick<Policy, 'aliases'>;

interface ConditionOf<V> {
  /** The type of its value, see value-types.ts: parser, schema and cover come with it. */
  readonly value: ValueNameOf<V>;
  /** The value of a rule that does not have the condition; such a rule matches all if this is missing. */
  readonly absent?: V;
  /** Only for rules about one of these kinds. */
  readonly onlyFor?: readonly Kind[];
  /** Only for rules about one package ... */
  readonly needsPackage?: true;
  /** ... or about the app, too. */
  readonly needsCaller?: true;
  /** Not for config files. */
  readonly internal?: true;
}

/** A condition on the call is asked once for all FDs of a spawn. */
interface CallCondition<V> extends ConditionOf<V> {
  readonly about: 'call';
  readonly matches: (value: V, facts: CallFacts, rule: Rule, context: MatchContext) => Answer;
}

interface FdCondition<V> extends ConditionOf<V> {
  readonly about: 'fd';
  readonly matches: (value: V, facts: FdFacts, rule: Rule, context: MatchContext) => Answer;
}

type ConditionValue<K extends ConditionKey> = NonNullable<RuleConditions[K]>;

type ValueNameOf<V> = {
  [N in ValueName]: [V, ValueTypes[N]] extends [ValueTypes[N], V] ? N : never;
}[ValueName];

/** What has a path while the parent still has it; a new pipe or channel points to nothing. */
const OPEN: readonly Kind[] = ['fd', 'stray'];

/** In the order in which a config is parsed and a proposed rule is written. */
export const CONDITIONS: {
  readonly [K in ConditionKey]-?: CallCondition<ConditionValue<K>> | FdCondition<ConditionValue<K>>;
} = {
  caller: {
    value: 'callerName',
    about: 'call',
    matches: (name, facts, rule, context) =>
      name === '*'
        ? 'yes'
        : answerOf(callerFor(rule, facts), known => nameOf(known, rule.compat === true, context) === name),
  },
  range: {
    value: 'range',
    needsPackage: true,
    about: 'call',
    matches: (range, facts, rule) =>
      answerOf(partOf(callerFor(rule, facts), 'version'), version => matchesRange(version, range)),
  },
  via: {
    value: 'packageNames',
    needsCaller: true,
    about: 'call',
    matches: (via, { caller }) => (caller === null ? 'unknown' : cameThrough(via, caller)),
  },
  script: {
    value: 'glob',
    about: 'call',
    matches: (glob, { program }) =>
      answerOf(program, known => fits(known?.fileInApp, glob) || fits(known?.file, glob)),
  },
  kinds: {
    value: 'kinds',
    absent: DESIGNATED,
    about: 'fd',
    matches: (kinds, { kind }) => answerOf(kind, known => kinds.includes(known)),
  },
  fds: {
    value: 'fds',
    about: 'fd',
    matches: (fds, { childFd }) => answerOf(childFd, fd => fds.includes(fd)),
  },
  command: {
    value: 'glob',
    about: 'call',
    matches: (glob, { command }) =>
      answerOf(command, known => matchesGlob(glob.includes('/') ? known : baseName(known), glob)),
  },
  callSite: {
    value: 'glob',
    about: 'call',
    matches: (glob, facts, rule) => {
      const caller = callerFor(rule, facts);
      return either(
        answerOf(partOf(caller, 'file'), file => fits(file, glob)),
        answerOf(partOf(caller, 'fileInPackage'), file => fits(file, glob)),
      );
    },
  },
  target: {
    value: 'glob',
    onlyFor: OPEN,
    about: 'fd',
    matches: (glob, { target }) => answerOf(target, known => fits(known, glob)),
  },
  type: {
    value: 'fileType',
    onlyFor: OPEN,
    about: 'fd',
    matches: (type, facts) => answerOf(facts.type, known => known === type),
  },
  access: {
    value: 'access',
    onlyFor: OPEN,
    about: 'fd',
    matches: (access, facts) => answerOf(facts.access, known => known === access),
  },
  explicit: {
    value: 'flag',
    internal: true,
    about: 'fd',
    matches: (explicit, facts) => answerOf(facts.explicit, known => known === explicit),
  },
  nullDevice: {
    value: 'flag',
    internal: true,
    about: 'fd',
    matches: (nullDevice, { isNullDevice }) => answerOf(isNullDevice, known => known === nullDevice),
  },
};

/**
 * The place that a rule's conditions on the caller ask about. With `via`, it is the first on the stack that is
 * neither a launcher's nor in one of these packages.
 */
function callerFor({ via }: RuleConditions, { caller }: CallFacts): Fact<PlaceFacts | undefined> {
  if (via === undefined || !caller) return caller;
  const { calledBy = [] } = caller;
  const place = [caller, ...(calledBy ?? [])].find(({ name }) => !via.includes(name));
  return place ?? (calledBy === null ? null : undefined);
}

/** Whether the call came through each of these packages, on its way from the place that callerFor() returns. */
function cameThrough(via: readonly string[], caller: CallerFacts | undefined): Answer {
  if (caller === undefined) return 'no';
  const { launchers, calledBy = [] } = caller;
  const names = [caller, ...(calledBy ?? [])].map(({ name }) => name);
  const outside = names.findIndex(name => !via.includes(name));
  const inside = [...(launchers ?? []), ...names.slice(0, outside === -1 ? undefined : outside)];
  if (via.every(name => inside.includes(name))) return 'yes';
  return launchers === null || (outside === -1 && calledBy === null) ? 'unknown' : 'no';
}

/** undefined without a caller; null if it is not known whether there is one. */
function partOf(
  caller: Fact<PlaceFacts | undefined>,
  part: 'name' | 'version' | 'file' | 'fileInPackage',
): Fact<string | undefined> {
  return caller === null ? null : caller?.[part];
}

function fits(text: string | undefined, glob: string): boolean {
  return text !== undefined && matchesGlob(text, glob);
}

/**
 * The name that the compat table knows a caller by. A folder whose package.json has another name (an npm
 * alias) may hold any code: it counts only if the config confirms the alias.
 */
function nameOf(
  caller: PlaceFacts | undefined,
  isCompat: boolean,
  { aliases }: MatchContext,
): string | undefined {
  if (!isCompat || caller === undefined || caller.declaredName === undefined) return caller?.name;
  const { name, declaredName } = caller;
  return Object.hasOwn(aliases, name) && aliases[name] === declaredName ? declaredName : undefined;
}

// ---------------------------------------------------------------------------------------------
// Texts, check and learn: for the command line and the build
// ---------------------------------------------------------------------------------------------

interface ConditionText<V> {
  /** For config.schema.json. */
  readonly description?: string;
  /** For `explain`: a part of the rule's subject ... */
  readonly subject?: (value: V) => string;
  /** ... or a remark behind it. */
  readonly remark?: (value: V, rule: Rule) => string | undefined;
  /** For `check`: whether an allowance with it is limited to certain FDs, commands or call sites. */
  readonly narrows?: true;
  /** For `explain`: what a finding has in its place; null if it is not known. */
  readonly found: (call: CallFacts, fd: FdFacts, rule: RuleConditions) => Fact<unknown>;
  /** For `learn`: the value that fits what was seen; undefined: no such condition. */
  readonly learn?: (evidence: Evidence) => V | undefined;
}

/** What was seen of the FDs that a proposed rule is to allow. */
export interface Evidence {
  readonly kind: Kind;
  /** A package, or `"."`. */
  readonly caller: string;
  /** Packages that only pass on the options of their callers. */
  readonly via: readonly string[];
  readonly versions: readonly (string | undefined)[];
  readonly fds: readonly number[];
  /** Without its folder; undefined if it is not known. */
  readonly command: string | undefined;
  readonly callSite: string | undefined;
  readonly target: string | undefined;
  readonly types: readonly FileType[];
  readonly accesses: readonly Access[];
}

const KIND_WORDS = { fd: 'open FDs', pipe: 'new pipes', ipc: 'message channels', stray: 'stray FDs' };
const ACCESS_WORDS = { read: 'read-only', write: 'write-only', both: 'read-write' };

/** In the order of the words in `explain`. */
export const CONDITION_TEXTS: { readonly [K in ConditionKey]-?: ConditionText<ConditionValue<K>> } = {
  caller: {
    found: (call, _, rule) => partOf(callerFor(rule, call), 'name'),
    description: 'The package whose code starts the process, "." for the app, "*" for any.',
    learn: ({ caller }) => caller,
  },
  range: {
    found: (call, _, rule) => partOf(callerFor(rule, call), 'version'),
    description: 'Which versions of the caller, as a semver range; prereleases count.',
    learn: ({ caller, versions }) => (caller === '.' ? undefined : rangeOfVersions(versions)),
  },
  via: {
    found: ({ caller }) =>
      caller && [...(caller.launchers ?? []), ...(caller.calledBy ?? []).map(({ name }) => name)],
    description:
      'Packages through which the caller starts the process: for this rule they count as launchers, so that the caller is the package that called them, and each of them has to be on the way.',
    remark: (via, { caller }) =>
      `if ${caller === '.' ? 'the app' : caller} starts it through ${list(via, 'and')}`,
    learn: ({ via }) => (via.length === 0 ? undefined : via),
  },
  kinds: {
    found: (_, { kind }) => kind,
    description:
      "fd: an open FD; pipe: a new channel; ipc: Node's message channel; stray: designated by no code. Default: all but stray.",
    subject: kinds =>
      kinds.length === KINDS.length
        ? 'all other FDs'
        : list(
            kinds.map(kind => KIND_WORDS[kind]),
            'and',
          ),
    learn: ({ kind }) => [kind],
  },
  fds: {
    found: (_, { childFd }) => childFd,
    description: 'Numbers in the child.',
    subject: fds => `at FD ${list(fds.map(String), 'or')}`,
    narrows: true,
    // A stray has the number that was free when it was opened.
    learn: ({ kind, fds }) => (kind === 'stray' || fds.length === 0 ? undefined : fds),
  },
  type: {
    found: (_, { type }) => type,
    description: 'What the FD is. Only for the kinds fd and stray.',
    remark: (type, { access }) => (access === undefined ? type : `${ACCESS_WORDS[access]} ${type}`),
    narrows: true,
    learn: ({ kind, types }) => (OPEN.includes(kind) ? single(types) : undefined),
  },
  access: {
    found: (_, { access }) => access,
    description: 'How the FD is open. Only for the kinds fd and stray.',
    // With a type, its remark has both.
    remark: (access, { type }) => (type === undefined ? ACCESS_WORDS[access] : undefined),
    narrows: true,
    learn: ({ kind, accesses }) => (OPEN.includes(kind) ? single(accesses) : undefined),
  },
  target: {
    found: (_, { target }) => target,
    description: 'Glob on what the FD points to. Only for the kinds fd and stray.',
    remark: glob => `to ${JSON.stringify(glob)}`,
    narrows: true,
    learn: ({ kind, target }) => (OPEN.includes(kind) ? nonBlank(target) : undefined),
  },
  nullDevice: {
    found: (_, { isNullDevice }) => isNullDevice,
    remark: () => 'to the null device',
    narrows: true,
  },
  explicit: { found: (_, { explicit }) => explicit, remark: () => 'designated by withFds()', narrows: true },
  command: {
    found: ({ command }) => command,
    description: "Glob on the executable's name, or on its path if the glob has a slash.",
    remark: glob => `for the command ${JSON.stringify(glob)}`,
    narrows: true,
    learn: ({ command }) => nonBlank(command),
  },
  script: {
    found: ({ program }) => program && (program.fileInApp ?? program.file),
    description:
      "Glob on the main program of the process, which Node was started with: its path below the app's root, or absolute.",
    remark: glob => `in the program ${JSON.stringify(glob)}`,
  },
  callSite: {
    found: (call, _, rule) =>
      partOf(callerFor(rule, call), 'fileInPackage') ?? partOf(callerFor(rule, call), 'file'),
    description: 'Glob on the calling file: relative to its package or to the app, or absolute.',
    remark: glob => `from ${JSON.stringify(glob)}`,
    narrows: true,
    learn: ({ callSite }) => nonBlank(callSite),
  },
};

function single<T>(values: readonly T[]): T | undefined {
  return values.length === 1 ? values[0] : undefined;
}

/** A config must not have a condition that is blank. */
function nonBlank(text: string | undefined): string | undefined {
  return text?.trim() === '' ? undefined : text;
}

function list(words: readonly string[], last: string): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
}
