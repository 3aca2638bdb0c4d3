// Runs the steps of a spawn so that an error of closefds neither lets an FD pass nor breaks the spawn.

import { faultOf } from '../base/fault';

export type TryOr = <T>(step: string, work: () => T, fallback: T) => T;

/** Bounds the errors that are remembered: their messages may hold anything. */
const MOST_ERRORS = 1000;

/** Returns a function that gives `fallback` where a step throws, and reports each way of failing once. */
export function createTryOr(report: (what: string) => void): TryOr {
  const reported = new Set<string>();
  return (step, work, fallback) => {
    try {
      return work();
    } catch (error) {
      reportError(step, error);
      return fallback;
    }
  };

  function reportError(step: string, error: unknown): void {
    const what = `closefds failed at ${step}: ${faultOf(error)}`;
    if (reported.has(what) || reported.size >= MOST_ERRORS) return;
    reported.add(what);
    try {
      report(what);
    } catch {
      // The report itself is broken.
    }
  }
}
