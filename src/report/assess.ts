// What a group of findings means for an operator: its state, one sentence, the evidence, and the rule to copy.

import { compare, type Tally } from '../base/counter';
import { toCallerAgain } from '../findings/record';
import { type RuleToCopy, rulesToCopy } from '../findings/rules-to-copy';
import { APP, callerTitle, UNKNOWN } from '../model/caller';
import { exitTitle } from '../model/child-exit';
import type { Group } from './aggregate';
import { canHaveRule } from './suggest-rules';

/** In the order of a report. */
export const STATES = ['broke', 'undecided', 'closed', 'allowed', 'noise'] as const;

export type State = (typeof STATES)[number];

export const STATE_MEANINGS: Readonly<Record<State, string>> = {
  broke:
    'closed or refused, and the FD was announced to the child, or used or likely used it before, or did not start, or failed without a designated FD',
  undecided:
    'no rule decides: it passed in warn mode, or a designated FD was closed, or a child failed without a stray',
  closed: 'closed, and nothing says that a child needs it',
  allowed: 'passed, as a rule says',
  noise: 'nothing passed, or no child used what passed',
};

export interface Assessment {
  /** The name of the service, see service.ts; undefined if it is unknown. */
  readonly service: string | undefined;
  readonly state: State;
  /** A child failed without the closed FD, and no later one of that finding succeeded. */
  readonly childFailed: boolean;
  /** What happened, to what, by whom. */
  readonly sentence: string;
  /** Sentences, the strongest first. */
  readonly evidence: readonly string[];
  /**
   * The rule that would allow the group, as its warning has it; undefined if a rule decided already, or none can
   * name the caller and the file.
   */
  readonly rule: RuleToCopy | undefined;
}

export type AssessedGroup = Group & Assessment;

export function needsDecision({ state }: Pick<Assessment, 'state'>): boolean {
  return state === 'broke' || state === 'undecided';
}

export function assess(group: Group, service: string | undefined): AssessedGroup {
  const state = stateOf(group);
  const isOpen = state === 'broke' || state === 'undecided' || (state === 'closed' && !isDenied(group));
  return {
    ...group,
    service,
    state,
    childFailed: childFailed(group),
    sentence: sentenceOf({ ...group, service }),
    evidence: evidenceOf(group),
    rule: isOpen ? ruleFor(group) : undefined,
  };
}

function ruleFor(group: Group): RuleToCopy | undefined {
  const { kind, target, types, childFds } = group;
  if (kind === undefined || !canHaveRule(group)) return undefined;
  // Not all numbers are known.
  if (kind !== 'stray' && childFds.other > 0) return undefined;
  const fd = {
    caller: group.caller && toCallerAgain(group.caller),
    kind,
    target,
    type: types.values[0]?.value,
  };
  const numbers = childFds.values.map(({ value }) => value);
  const rules = rulesToCopy(
    numbers.map(childFd => ({ ...fd, childFd })),
    pattern => pattern,
  );
  return rules?.length === 1 ? rules[0] : undefined;
}

// ---------------------------------------------------------------------------------------------
// State and order
// ---------------------------------------------------------------------------------------------

function stateOf(group: Group): State {
  const { kind, used, dispositions, effects, candidates } = group;
  if (kind === undefined || dispositions.values.length === 0) return 'noise';
  if (stoppedCount(group) > 0) {
    if (isDenied(group)) return 'closed';
    if (isNeeded(group) || countOf(dispositions, 'refused') > 0) return 'broke';
    if (used === false) return 'closed';
    // Strays are closed for whatever is started, and many commands fail for their own reasons.
    if (kind === 'stray') return childFailed(group) ? 'undecided' : 'closed';
    return childFailed(group) ? 'broke' : 'undecided';
  }
  if (countOf(effects, 'deny') > 0) return used === false ? 'noise' : 'undecided';
  return candidates.values.some(({ value }) => value !== 'passed') ? 'undecided' : 'allowed';
}

function isNeeded({ used, announcements }: Group): boolean {
  return used === true || used === 'likely' || announcements.values.length > 0 || announcements.other > 0;
}

/**
 * Whether a child failed without the FD, and none succeeded later. A finding has at most one line for a failure, and
 * after that at most one for a success.
 */
function childFailed({ exits }: Pick<Group, 'exits'>): boolean {
  const all = exits.values.reduce((sum, { count }) => sum + count, exits.other);
  return all > 2 * countOf(exits, SUCCESS);
}

/** Whether rules of the config stopped all of it; the default rule is not a decision. */
function isDenied({ rules }: Group): boolean {
  return (
    rules.values.length > 0 && rules.other === 0 && rules.values.every(({ value }) => value !== 'default')
  );
}

function stoppedCount({ dispositions }: Group): number {
  return countOf(dispositions, 'closed') + countOf(dispositions, 'refused');
}

/** By state; then with evidence before without, failed children before others, designated before stray, an opener's strays together, the frequent first. */
export function sortByState(groups: readonly AssessedGroup[]): AssessedGroup[] {
  const openers = openerCounts(groups);
  const openerCount = (group: AssessedGroup) =>
    group.state === 'closed' ? (openers.get(openerOf(group)) ?? 0) : 0;
  return [...groups].sort(
    (a, b) =>
      STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
      Number(isNeeded(b)) - Number(isNeeded(a)) ||
      Number(b.childFailed) - Number(a.childFailed) ||
      Number(a.kind === 'stray') - Number(b.kind === 'stray') ||
      openerCount(b) - openerCount(a) ||
      (a.state === 'closed' ? compare(openerOf(a), openerOf(b)) : 0) ||
      b.count - a.count,
  );
}

function openerCounts(groups: readonly AssessedGroup[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const group of groups)
    if (group.state === 'closed')
      counts.set(openerOf(group), (counts.get(openerOf(group)) ?? 0) + group.count);
  return counts;
}

function openerOf({ openers }: Group): string {
  return openers.values[0]?.value ?? '';
}

// ---------------------------------------------------------------------------------------------
// Sentences
// ---------------------------------------------------------------------------------------------

const MOST_NAMES = 3;

/** Applied to each text that comes from findings. */
type Mark = (text: string) => string;

const unmarked: Mark = text => text;

type Named = Group & Pick<Assessment, 'service'>;

/** `designated FD 3 (a new pipe) was closed: gpg@0.6.0 starting "gpg", 7 times in one process`. */
export function sentenceOf(group: Named, mark: Mark = unmarked): string {
  const { count, processes, commands } = group;
  const outcome = group.kind === undefined ? 'unsafe() passed nothing' : outcomeOf(group, mark);
  const starting = commands.values.length === 0 ? '' : ` starting ${listed(commands, quoted(mark))}`;
  const times = count === 1 ? 'once' : `${number(count)} times`;
  const atLeast = processes.exact ? '' : 'more than ';
  const where = processes.count === 1 ? 'one process' : `${atLeast}${number(processes.count)} processes`;
  const failed = childFailed(group) ? ', and a child without it failed' : '';
  return `${outcome}: ${whoOf(group, mark)}${starting}, ${times} in ${where}${failed}`;
}

function outcomeOf(group: Group, mark: Mark): string {
  const { values } = group.dispositions;
  const verbs = values.map(({ value, count }) =>
    values.length === 1 ? value : `${value} ${count === 1 ? 'once' : `${number(count)} times`}`,
  );
  return `${subjectOf(group, mark)} was ${verbs.join(' and ') || 'reported'}`;
}

function subjectOf({ kind, target, childFds }: Group, mark: Mark): string {
  const fds = { ...childFds, values: [...childFds.values].sort((a, b) => a.value - b.value) };
  const numbers = fds.values.length === 0 ? 'FD' : `FD ${listed(fds, String)}`;
  const file = target === undefined ? undefined : mark(target);
  const what = { pipe: 'a new pipe', ipc: 'the message channel', fd: file, stray: file }[kind ?? 'fd'];
  return `${kind === 'stray' ? 'stray' : 'designated'} ${numbers}${what === undefined ? '' : ` (${what})`}`;
}

/** `gpg@0.6.0 in api@2.1.0, through execa`. */
function whoOf({ caller, service, launchers }: Named, mark: Mark): string {
  const title = callerTitle(caller && toCallerAgain(caller));
  const isPackage = caller !== undefined && caller.package !== APP && caller.package !== UNKNOWN;
  const who = isPackage ? mark(title) : title;
  const place = service === undefined ? '' : mark(service);
  const named = service === undefined ? who : caller?.package === APP ? place : `${who} in ${place}`;
  return launchers.values.length === 0 ? named : `${named}, through ${listed(launchers, mark)}`;
}

/** What speaks for and against the child's need of the FD, in sentences. */
export function evidenceOf(group: Group, mark: Mark = unmarked): string[] {
  const { announcements, used, users, openers, kind, atStart } = group;
  const sentences: string[] = [];
  if (announcements.values.length > 0)
    sentences.push(`Announced to the child by ${listed(announcements, quoted(mark))}.`);
  if (used === true)
    sentences.push(
      users.values.length === 0 ? 'A child used it.' : `A child used it: ${listed(users, mark)}.`,
    );
  if (used === 'likely') sentences.push('A child likely used it: the offset of its file moved.');
  if (used === false) sentences.push('An audit saw that no child used it.');
  sentences.push(...exitEvidence(group, mark));
  if (kind === 'stray' && openers.values.length > 0)
    sentences.push(`Most likely opened by ${listed(openers, mark)}.`);
  else if (countOf(atStart, true) > 0) sentences.push('Inherited when the process started.');
  return [...sentences, ...policyEvidence(group, mark)];
}

/** The names of signals are texts of records. */
function exitEvidence({ exits }: Group, mark: Mark): string[] {
  const failures = { ...exits, values: exits.values.filter(({ value }) => value !== SUCCESS) };
  if (failures.values.length === 0) return [];
  const later = countOf(exits, SUCCESS) > 0 ? ' A later one succeeded.' : '';
  const ended = listed(failures, title => (title.startsWith('code ') ? title : mark(title)));
  return [`Without it, a child failed: ${ended}.${later}`];
}

const SUCCESS = exitTitle({ code: 0 });

function policyEvidence({ candidates, dispositions, rules }: Group, mark: Mark): string[] {
  const others = candidates.values.filter(({ value }) => countOf(dispositions, value) === 0);
  const named = { ...rules, values: rules.values.filter(({ value }) => value !== 'default') };
  return [
    ...(others.length === 0
      ? []
      : [`With the candidate policy it would be ${others.map(({ value }) => value).join(' or ')}.`]),
    ...(named.values.length === 0 ? [] : [`Decided by ${listed(named, mark)}.`]),
  ];
}

function quoted(mark: Mark): Mark {
  return mark === unmarked ? text => `"${text}"` : mark;
}

function listed<T extends string | number>({ values, other }: Tally<T>, show: (value: T) => string): string {
  const shown = values.slice(0, MOST_NAMES).map(({ value }) => show(value));
  const more = values.length - shown.length;
  if (other > 0) return `${shown.join(', ')} and more`;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

function countOf<T>(tally: Tally<T>, wanted: T): number {
  return tally.values.find(({ value }) => value === wanted)?.count ?? 0;
}

function number(value: number): string {
  return value.toLocaleString('en');
}
