// What was judged before: where a spawn designates nothing, and place, command, strays and policies
// are the same as the last time, so is the judgement. A server with a stray that starts the same
// program a thousand times judges once, and counts.

import type { Policy } from './policy';
import type { Stray } from './request';

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
      const { under, judgement } = before;
      const isSame =
        under.strays === now.strays && under.policy === now.policy && under.candidate === now.candidate;
      return isSame ? judgement : undefined;
    },
    keep(now, judgement) {
      if (judged.size >= MOST_PLACES) judged.clear();
      judged.set(now.place, { under: now, judgement });
    },
  };
}
