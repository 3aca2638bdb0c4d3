// What was judged before: where a spawn designates nothing, and place, command, strays and policies
// are the same as the last time, so is the judgement. A server with a stray that starts the same
// program a thousand times judges once, and counts.

import type { Stray } from '../model/spawn-request';
import type { Policy } from '../policy/rule';

/** All that a judgement depends on, where nothing is designated. */
export interface CacheKey {
  /** Call site and command. */
  readonly place: string;
  /** The watch gives the same list as long as it holds the same. */
  readonly strays: readonly Stray[];
  readonly policy: Policy;
  readonly candidate: Policy | undefined;
}

export interface DecisionCache<T> {
  readonly get: (circumstances: CacheKey) => T | undefined;
  readonly set: (circumstances: CacheKey, judgement: T) => void;
}

/** A program that makes up commands forgets the first ones. */
const MOST_KEYS = 1000;

export function createDecisionCache<T>(): DecisionCache<T> {
  const judged = new Map<string, { readonly under: CacheKey; readonly judgement: T }>();

  return {
    get(now) {
      const before = judged.get(now.place);
      if (before === undefined) return undefined;
      return isSame(before.under, now) ? before.judgement : undefined;
    },
    set(now, judgement) {
      if (judged.size >= MOST_KEYS) judged.clear();
      judged.set(now.place, { under: now, judgement });
    },
  };
}

/** Of commands that come from one place again and again. */
export interface CallSiteCache<T> {
  /** What was judged; undefined for a command that is not known to come from one place. */
  readonly get: (command: string, circumstances: Omit<CacheKey, 'place'>) => T | undefined;
  readonly count: (command: string, circumstances: CacheKey, judgement: T) => void;
}

/** So many times in a row make a habit. */
const MANY_TIMES = 100;

export function createCallSiteCache<T>(): CallSiteCache<T> {
  const known = new Map<string, { readonly under: CacheKey; readonly judgement: T; times: number }>();

  return {
    get(command, now) {
      const before = known.get(command);
      if (before === undefined || before.times < MANY_TIMES) return undefined;
      return isSame(before.under, now) ? before.judgement : undefined;
    },
    count(command, under, judgement) {
      const before = known.get(command);
      if (before?.under.place === under.place && isSame(before.under, under)) {
        before.times++;
        return;
      }
      if (known.size >= MOST_KEYS) known.clear();
      known.set(command, { under, judgement, times: 1 });
    },
  };
}

function isSame(before: Omit<CacheKey, 'place'>, now: Omit<CacheKey, 'place'>): boolean {
  return before.strays === now.strays && before.policy === now.policy && before.candidate === now.candidate;
}
