// What was judged before: where a spawn designates nothing, and place, command, strays and policies
// are the same as the last time, so is the judgement. A server with a stray that starts the same
// program a thousand times judges once, and counts.

import type { Stray } from '../model/spawn-request';
import type { Policy } from '../policy/rule';

/** All that a judgement depends on, where nothing is designated. */
export interface Circumstances {
  /** Call site and command. */
  readonly place: string;
  /** The watch gives the same list as long as it holds the same. */
  readonly strays: readonly Stray[];
  readonly policy: Policy;
  readonly candidate: Policy | undefined;
}

export interface Memory<T> {
  readonly recall: (circumstances: Circumstances) => T | undefined;
  readonly keep: (circumstances: Circumstances, judgement: T) => void;
}

/** A program that makes up commands forgets the first ones. */
const MOST_PLACES = 1000;

export function createMemory<T>(): Memory<T> {
  const judged = new Map<string, { readonly under: Circumstances; readonly judgement: T }>();

  return {
    recall(now) {
      const before = judged.get(now.place);
      if (before === undefined) return undefined;
      return isSame(before.under, now) ? before.judgement : undefined;
    },
    keep(now, judgement) {
      if (judged.size >= MOST_PLACES) judged.clear();
      judged.set(now.place, { under: now, judgement });
    },
  };
}

/** Of commands that come from one place again and again. */
export interface Habits<T> {
  /** What was judged; undefined for a command that is not known to come from one place. */
  readonly recall: (command: string, circumstances: Omit<Circumstances, 'place'>) => T | undefined;
  readonly note: (command: string, circumstances: Circumstances, judgement: T) => void;
}

/** So many times in a row make a habit. */
const HABIT = 100;

export function createHabits<T>(): Habits<T> {
  const known = new Map<string, { readonly under: Circumstances; readonly judgement: T; times: number }>();

  return {
    recall(command, now) {
      const before = known.get(command);
      if (before === undefined || before.times < HABIT) return undefined;
      return isSame(before.under, now) ? before.judgement : undefined;
    },
    note(command, under, judgement) {
      const before = known.get(command);
      if (before?.under.place === under.place && isSame(before.under, under)) {
        before.times++;
        return;
      }
      if (known.size >= MOST_PLACES) known.clear();
      known.set(command, { under, judgement, times: 1 });
    },
  };
}

function isSame(before: Omit<Circumstances, 'place'>, now: Omit<Circumstances, 'place'>): boolean {
  return before.strays === now.strays && before.policy === now.policy && before.candidate === now.candidate;
}
