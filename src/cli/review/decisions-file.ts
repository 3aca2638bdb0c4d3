// What a review decided and no rule of the config tells: the next review does not ask about it again.

import { existsSync, readFileSync } from 'node:fs';
import { replaceFile } from '../edit-config';
import { asUsageError } from '../input-files';
import { UsageError } from '../usage-error';

/** `withFds`: the code is to be changed. `narrowed`: a rule allows a part, and the rest is to be closed. */
export type Decision = 'withFds' | 'narrowed';

const DECISIONS: readonly unknown[] = ['withFds', 'narrowed'] satisfies Decision[];

export interface Decided {
  readonly decision: Decision;
  readonly callSite: string;
  /** YYYY-MM-DD. */
  readonly day: string;
}

/** Item -> what was decided. */
export type Decisions = ReadonlyMap<string, Decided>;

const FORMAT = 1;

/** Beside the config: `closefds.json` has `closefds.review.json`, and so has a key of a package.json. */
export function decisionsFileOf(config: string): string {
  return config.replace(/package\.json#\/closefds$/, 'closefds.json').replace(/(?:\.json)?$/, '.review.json');
}

/** Empty if the file does not exist. Throws UsageError. */
export function readDecisions(file: string): Decisions {
  if (!existsSync(file)) return new Map();
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw asUsageError(error, `${file} cannot be read`);
  }
  const { closefdsReview, decided } = (json ?? {}) as { closefdsReview?: unknown; decided?: unknown };
  if (closefdsReview !== FORMAT || !isRecord(decided) || !Object.values(decided).every(isDecided))
    throw new UsageError(
      `expected the decisions of "closefds learn --review" in ${file}, found something else; to begin anew, delete it`,
    );
  return new Map(Object.entries(decided as Record<string, Decided>));
}

/** Throws UsageError. */
export function writeDecisions(file: string, decisions: Decisions): void {
  const decided = Object.fromEntries([...decisions].sort(([a], [b]) => (a < b ? -1 : 1)));
  try {
    replaceFile(file, `${JSON.stringify({ closefdsReview: FORMAT, decided }, null, 2)}\n`);
  } catch (error) {
    throw asUsageError(error, `${file} cannot be written`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDecided(value: unknown): value is Decided {
  if (!isRecord(value)) return false;
  const { decision, callSite, day } = value;
  return DECISIONS.includes(decision) && typeof callSite === 'string' && typeof day === 'string';
}
