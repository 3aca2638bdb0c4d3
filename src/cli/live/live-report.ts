// A report that is shown again and again as lines come, until a signal ends it: on a terminal, or as a page.

import { createReport, type Report, type ReportOptions } from '../../report/report';
import type { Input } from '../input-files';
import { followInputs } from './follow-files';

export interface LiveView {
  readonly show: (report: Report) => void;
  /** The last report. */
  readonly end: (report: Report) => Promise<void>;
  /** Whether it is shown until a signal comes, even if all inputs have ended. */
  readonly staysOpen: boolean;
}

/** In milliseconds. */
const FIRST = 200;
const INTERVAL = 500;
/** Showing may take one part in so many of the time. */
const SHARE = 10;

/** SIGHUP: the terminal was closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Resolves at the end. `onProblem` is called for each input that could not be read. */
export async function showLive(
  inputs: readonly Input[],
  options: ReportOptions,
  view: LiveView,
  onProblem: (problem: string) => void,
): Promise<void> {
  const maker = createReport(options);
  const ended = new AbortController();
  const end = () => ended.abort();
  for (const signal of SIGNALS) process.once(signal, end);
  // Shown once more after a change: a warning waits for the next report.
  let changes = 1;
  const reading = followInputs(inputs, {
    signal: ended.signal,
    onProblem,
    onLine(...line) {
      changes = 2;
      maker.readLine(...line);
    },
  });

  let timer = setTimeout(show, FIRST);
  await reading;
  if (view.staysOpen && !ended.signal.aborted)
    await new Promise(resolve => ended.signal.addEventListener('abort', resolve));
  clearTimeout(timer);
  for (const signal of SIGNALS) process.removeListener(signal, end);
  await view.end(maker.result());

  function show(): void {
    const begin = performance.now();
    if (changes > 0) {
      changes--;
      view.show(maker.result(true));
    }
    timer = setTimeout(show, Math.max(INTERVAL, (performance.now() - begin) * SHARE));
  }
}
