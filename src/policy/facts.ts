// What a rule is matched with: the facts about a call, and those about one of its FDs.
//
// At run time all of them are known. `closefds scan` and `closefds explain` know a part: null stands for a
// fact that is not known, undefined for one that is known to be missing (a pipe has no target).

import type { Access, FileType, Kind } from '../model/spawn-request';

export type Fact<T> = T | null;

export interface CallFacts {
  /** undefined where Node runs code that is not in a file. */
  readonly program: Fact<MainProgram | undefined>;
  readonly caller: Fact<CallerFacts | undefined>;
  readonly command: Fact<string>;
}

/** The main program of the process. */
export interface MainProgram {
  readonly file: string;
  /** Relative to the app's root; undefined outside of it. */
  readonly fileInApp: string | undefined;
}

/** The part of a caller that rules ask for. */
export interface CallerFacts extends PlaceFacts {
  /** Launchers between the caller and child_process. */
  readonly launchers: Fact<readonly string[]>;
  /** The packages that called the caller, nearest first; missing if there are none. */
  readonly calledBy?: Fact<readonly PlaceFacts[]>;
}

/** The part of a place in a package's code that rules ask for. */
export interface PlaceFacts {
  readonly name: string;
  readonly version: Fact<string | undefined>;
  readonly declaredName: string | undefined;
  readonly file: Fact<string | undefined>;
  readonly fileInPackage: Fact<string | undefined>;
}

export interface FdFacts {
  readonly kind: Kind;
  readonly childFd: Fact<number>;
  readonly target: Fact<string | undefined>;
  readonly type: Fact<FileType | undefined>;
  readonly access: Fact<Access | undefined>;
  readonly isNullDevice: Fact<boolean>;
  readonly explicit: Fact<boolean>;
}

/** A call of which nothing is known. */
export const UNKNOWN_CALL: CallFacts = { program: null, caller: null, command: null };

/** An FD of which only the kind is known. */
export const UNKNOWN_FD: Omit<FdFacts, 'kind'> = {
  childFd: null,
  target: null,
  type: null,
  access: null,
  isNullDevice: null,
  explicit: null,
};

/** Whether a rule matches; `unknown` if it depends on a fact that is not known. */
export type Answer = 'yes' | 'no' | 'unknown';

export function answerOf<T>(fact: Fact<T>, holds: (known: T) => boolean): Answer {
  if (fact === null) return 'unknown';
  return holds(fact) ? 'yes' : 'no';
}

/** Whether at least one of two holds. */
export function either(a: Answer, b: Answer): Answer {
  if (a === 'yes' || b === 'yes') return 'yes';
  return a === 'unknown' || b === 'unknown' ? 'unknown' : 'no';
}

/** Whether both hold. */
export function both(a: Answer, b: Answer): Answer {
  if (a === 'no' || b === 'no') return 'no';
  return a === 'unknown' || b === 'unknown' ? 'unknown' : 'yes';
}
