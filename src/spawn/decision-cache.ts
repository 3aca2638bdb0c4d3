// Decisions that are used again: a server with a stray that starts the same program a thousand times is
// evaluated once, and counted.
//
// Holds decisions about calls without slots. Explicit slots name other FDs each time.

import type { Stray } from '../model/spawn-request';
import type { Policy } from '../policy/rule';

/** What a decision depends on, besides the command and the call site. */
export interface Conditions {
  /** The stray scan returns the same list as long as nothing in it changed. */
  readonly strays: readonly Stray[];
  readonly policy: Policy;
  readonly candidate: Policy | undefined;
}

export interface CacheKey extends Conditions {
  /** The command, and the strays whose numbers the call names. */
  readonly command: string;
  /** Rules may name the launcher and the file. */
  readonly callSite: string;
}

interface CommandEntry<T> {
  readonly conditions: Conditions;
  readonly byCallSite: Map<string, T>;
  last: { readonly callSite: string; times: number };
}

/** So many times in a row a command has to come from one call site until `assume` takes that for granted. */
const TIMES_IN_A_ROW = 100;

/** Bounds the cache for programs that generate commands or code. */
const MOST_DECISIONS = 1000;

export class DecisionCache<T> {
  readonly #commands = new Map<string, CommandEntry<T>>();
  #size = 0;

  get(key: CacheKey): T | undefined {
    const entry = this.#entryOf(key.command, key);
    const decision = entry?.byCallSite.get(key.callSite);
    if (entry !== undefined && decision !== undefined) countCallSite(entry, key.callSite);
    return decision;
  }

  set(key: CacheKey, decision: T): void {
    if (this.#size >= MOST_DECISIONS) this.#clear();
    let entry = this.#entryOf(key.command, key);
    if (entry === undefined) {
      const { strays, policy, candidate } = key;
      entry = {
        conditions: { strays, policy, candidate },
        byCallSite: new Map(),
        last: { callSite: key.callSite, times: 0 },
      };
      this.#commands.set(key.command, entry);
    }
    entry.byCallSite.set(key.callSite, decision);
    this.#size++;
    countCallSite(entry, key.callSite);
  }

  /** The decision about a command that has come from one call site many times in a row, without its call site. */
  assume(command: string, conditions: Conditions): T | undefined {
    const entry = this.#entryOf(command, conditions);
    if (entry === undefined || entry.last.times < TIMES_IN_A_ROW) return undefined;
    return entry.byCallSite.get(entry.last.callSite);
  }

  #entryOf(command: string, conditions: Conditions): CommandEntry<T> | undefined {
    const entry = this.#commands.get(command);
    return entry !== undefined && isSame(entry.conditions, conditions) ? entry : undefined;
  }

  #clear(): void {
    this.#commands.clear();
    this.#size = 0;
  }
}

function countCallSite(entry: CommandEntry<unknown>, callSite: string): void {
  if (entry.last.callSite === callSite) entry.last.times++;
  else entry.last = { callSite, times: 1 };
}

function isSame(some: Conditions, others: Conditions): boolean {
  return (
    some.strays === others.strays && some.policy === others.policy && some.candidate === others.candidate
  );
}
