// Where findings go: process warnings, the diagnostics channel, the report file. Loaded by the first
// finding.
//
// A report may never break, hang or slow its host: nothing here throws, and what repeats is counted.

import diagnosticsChannel = require('node:diagnostics_channel');
import workerThreads = require('node:worker_threads');

import { messageOf } from '../base/errors';
import { faultOf } from '../base/fault';
import type { Mode } from '../policy/rule';
import type { ReportSettings } from '../policy/settings';
import { CHANNEL } from './diagnostics-channel';
import type { Finding, Occurrence, SelfFinding } from './finding';
import { type ReportRecord, toLine, toRecord } from './record';
import { createReportFile, type FileFunctions, type ReportFile } from './report-file';
import { createWarner } from './warning';

export interface Reporter {
  readonly report: (finding: Finding, occurrence: Occurrence) => void;
  /** Reports each of these as `repeat`: a hundred strays that recur are counted as one. */
  readonly reportRepeats: (findings: readonly Finding[]) => void;
  /** Writes the counts that are not in the file yet. */
  readonly flush: () => void;
}

/** What programs may replace, from before they could. */
export interface Originals {
  readonly emitWarning: typeof process.emitWarning;
  readonly fs: FileFunctions;
  readonly setTimeout: typeof setTimeout;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface ReporterOptions {
  readonly mode: Mode;
  /** undefined: no report file. */
  readonly settings: ReportSettings | undefined;
  readonly originals: Originals;
}

const FIRST_WAIT = 1000;

export function createReporter({ mode, settings, originals }: ReporterOptions): Reporter {
  const warner = createWarner(originals.emitWarning);
  const channel = diagnosticsChannel.channel(CHANNEL);
  const file = settings && openReportFile(settings.file);
  /** How often each finding occurred since it was last written. */
  const counts = new Map<Finding, number>();
  /** The same of lists. */
  const repeats = new Map<readonly Finding[], number>();
  let publishing = false;
  let waiting = false;
  /** Milliseconds. Short at first: what ends soon may end without telling, as a worker does by process.exit(). */
  let wait = FIRST_WAIT;
  let exiting = false;
  let failed = false;

  process.once('exit', () => {
    exiting = true;
    atExit();
  });
  return { report, reportRepeats, flush };

  /** The file first: a listener of the others may throw. */
  function report(finding: Finding, occurrence: Occurrence): void {
    if (occurrence === 'repeat') count(counts, finding, 1);
    else attempt('writing the report', () => file?.append([lineOf(finding, countOf(occurrence))]));
    if (channel.hasSubscribers) attempt('publishing', () => publish(finding, occurrence));
    if (occurrence === 'first') warner.warn(finding);
    flushInTime();
  }

  function reportRepeats(findings: readonly Finding[]): void {
    count(repeats, findings, 1);
    if (channel.hasSubscribers)
      attempt('publishing', () => {
        for (const finding of findings) publish(finding, 'repeat');
      });
    flushInTime();
  }

  /** Without a file, nobody asks. */
  function count<T>(occurred: Map<T, number>, what: T, times: number): void {
    if (file !== undefined) occurred.set(what, (occurred.get(what) ?? 0) + times);
  }

  function flushInTime(): void {
    if (exiting) atExit();
    else attempt('writing counts', flushLater);
  }

  /** A program's own exit listener may run after ours, and start processes. */
  function atExit(): void {
    warner.atExit();
    flush();
  }

  /** A subscriber may start a process, which may have findings of its own; those it is not told of. */
  function publish(finding: Finding, occurrence: Occurrence): void {
    if (publishing) return;
    publishing = true;
    try {
      channel.publish(recordOf(finding, countOf(occurrence)));
    } finally {
      publishing = false;
    }
  }

  function flush(): void {
    attempt('writing counts', () => {
      for (const [findings, times] of repeats) for (const finding of findings) count(counts, finding, times);
      repeats.clear();
      const lines = [...counts].map(([finding, count]) => lineOf(finding, count));
      counts.clear();
      if (lines.length > 0 || file?.isBehind()) file?.append(lines);
    });
  }

  /** Where one way of telling fails, by an error of ours, the others go on: they run in timers, too. */
  function attempt(step: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!failed) {
        failed = true;
        const what = `closefds failed at ${step}: ${faultOf(error)}`;
        warner.warn({ code: 'CLOSEFDS_INTERNAL_ERROR', mode, what });
      }
    }
  }

  function flushLater(): void {
    if (waiting || settings === undefined || file === undefined) return;
    if (counts.size === 0 && repeats.size === 0 && !file.isBehind()) return;
    waiting = true;
    const timer = originals.setTimeout(
      () => {
        waiting = false;
        flush();
        attempt('writing counts', flushLater);
      },
      Math.min(wait, settings.interval),
    );
    wait *= 2;
    // Nothing stays alive for a count.
    timer.unref();
  }

  function openReportFile(template: string): ReportFile {
    const name = template.replaceAll('%p', String(process.pid));
    return createReportFile({
      file: name,
      fs: originals.fs,
      onFailure: error =>
        warner.warn(failure(`the report file ${name} cannot be written: ${messageOf(error)}`)),
      lostLine: lost => lineOf(failure(`${lost} lines could not be written in time and are lost`), 1),
    });
  }

  function lineOf(finding: Finding, count: number): string {
    return toLine(recordOf(finding, count));
  }

  function failure(what: string): SelfFinding {
    return { code: 'CLOSEFDS_REPORT_FAILED', mode, what };
  }

  function recordOf(finding: Finding, count: number): ReportRecord {
    return toRecord(finding, {
      time: new Date(originals.now()).toISOString(),
      pid: process.pid,
      thread: workerThreads.threadId,
      count,
    });
  }
}

function countOf(occurrence: Occurrence): number {
  return occurrence === 'update' ? 0 : 1;
}
