// Where findings go: process warnings, the diagnostics channel, the report file. Loaded by the first
// finding.
//
// A report may never break, hang or slow its host: nothing here throws, and what repeats is counted.

import diagnosticsChannel = require('node:diagnostics_channel');

import { messageOf } from '../base/errors';
import { faultOf } from '../base/fault';
import type { Mode } from '../policy/rule';
import type { ReportSettings } from '../policy/settings';
import { beforeEnd, isExiting } from './before-end';
import { type CrashNote, createCrashNote } from './crash-note';
import { CHANNEL } from './diagnostics-channel';
import type { RecordMetadata } from './fields';
import { type Finding, isSpawnFinding, type Occurrence, type SelfFinding } from './finding';
import { createFindingCounter, type FindingCounts } from './finding-counts';
import type { Told } from './message';
import { processFacts, type Service, type ServiceSettings, serviceOf } from './process-facts';
import { type ReportRecord, toLine, toRecord } from './record';
import { createReportFile, type ReportFile } from './report-file';
import { type FileFunctions, openPlace } from './report-place';
import { createWarner, type Warner } from './warning';

export interface Reporter {
  /** Reports findings of one spawn at one call site, or one about closefds. `first`: in one warning. */
  readonly report: (findings: readonly Finding[], occurrence: Occurrence) => void;
  /**
   * Reports each of these as `repeat`: fifty strays that recur are counted as one. `isAssumed`: their call
   * site was not looked at.
   */
  readonly reportRepeats: (findings: readonly Finding[], isAssumed: boolean) => void;
  /** Writes the counts that are not in the file yet. */
  readonly flush: () => void;
  /** All that was reported so far. */
  readonly counts: () => FindingCounts;
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
  /** undefined: the settings could not be read. */
  readonly service: (ServiceSettings & { readonly redact: readonly string[] }) | undefined;
  /** undefined: no report file. */
  readonly settings: ReportSettings | undefined;
  /** Whether it was reported at start that the file cannot be written. */
  readonly isFailing: boolean;
  /** Whether findings become warnings; if not, only those that the report file does not get. */
  readonly warns: boolean;
  readonly originals: Originals;
}

const FIRST_WAIT = 1000;

/** The longest time that the end of a process waits for the reader of a pipe, in milliseconds, and its parts. */
const LONGEST_END = 1000;
const PART = 5;

export function createReporter(options: ReporterOptions): Reporter {
  return new FindingReporter(options);
}

/** How many spawns a line stands for, and of how many of them the call site was not looked at. */
type SpawnCounts = Pick<RecordMetadata, 'count' | 'assumed'>;

const ONE: SpawnCounts = { count: 1, assumed: 0 };
const ONE_ASSUMED: SpawnCounts = { count: 1, assumed: 1 };

/** Of several spawns. */
type RunningCounts = { -readonly [Key in keyof SpawnCounts]: SpawnCounts[Key] };

class FindingReporter implements Reporter {
  readonly #options: ReporterOptions;
  readonly #service: Service;
  readonly #warner: Warner;
  readonly #channel = diagnosticsChannel.channel(CHANNEL);
  readonly #file: ReportFile | undefined;
  readonly #counter = createFindingCounter();
  /** How often each finding occurred since it was last written. */
  readonly #counts = new Map<Finding, RunningCounts>();
  /** The same for lists of findings that are counted as one. */
  readonly #repeats = new Map<readonly Finding[], RunningCounts>();
  readonly #crashNote: CrashNote;
  #isPublishing = false;
  #isWaiting = false;
  /** Milliseconds. Short at first: a process that ends soon may end without an exit event, as a worker does. */
  #wait = FIRST_WAIT;
  /** The first finding may come from an exit listener. */
  #isExiting = isExiting();
  /** How much of LONGEST_END is left. */
  #patience = LONGEST_END;
  #hasFailed = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#service = options.service
      ? serviceOf(options.service, options.service.redact)
      : { app: undefined, script: undefined };
    this.#warner = createWarner(options.originals.emitWarning);
    this.#file = options.settings && this.#openReportFile();
    this.#crashNote = createCrashNote(text => options.originals.fs.writeSync(2, text), options.originals.now);
    beforeEnd(() => {
      this.#isExiting ||= isExiting();
      this.#atExit();
    });
  }

  /** Writes the file first: a listener of the other outlets may throw. */
  report(findings: readonly Finding[], occurrence: Occurrence): void {
    if (occurrence !== 'update') this.#counter.add(findings);
    // What says that the file cannot be written is not for the file.
    const written = findings.filter(({ code }) => code !== 'CLOSEFDS_REPORT_FAILED');
    if (occurrence === 'repeat') for (const finding of written) this.#count(this.#counts, finding, ONE);
    else
      this.#tryTo('writing the report', () =>
        this.#file?.append(written.map(finding => this.#lineOf(finding, countsOf(occurrence)))),
      );
    if (this.#channel.hasSubscribers)
      this.#tryTo('publishing', () => {
        for (const finding of findings) this.#publish(finding, countsOf(occurrence));
      });
    if (occurrence !== 'update') this.#tryTo('noting a denial', () => this.#crashNote.remember(findings));
    if (occurrence === 'first' && isTold(findings) && !this.#isOnlyForReport(findings[0]))
      this.#warner.warn(findings);
    this.#flushInTime();
  }

  #isOnlyForReport({ code }: Finding): boolean {
    const { warns } = this.#options;
    return !warns && code !== 'CLOSEFDS_REPORT_FAILED' && this.#file?.isBehind() === false;
  }

  counts(): FindingCounts {
    return this.#counter.result();
  }

  reportRepeats(findings: readonly Finding[], isAssumed: boolean): void {
    this.#counter.add(findings);
    const counts = isAssumed ? ONE_ASSUMED : ONE;
    this.#count(this.#repeats, findings, counts);
    if (this.#channel.hasSubscribers)
      this.#tryTo('publishing', () => {
        for (const finding of findings) this.#publish(finding, counts);
      });
    this.#flushInTime();
  }

  flush(): void {
    this.#tryTo('writing counts', () => {
      for (const [findings, counts] of this.#repeats)
        for (const finding of findings) this.#count(this.#counts, finding, counts);
      this.#repeats.clear();
      const lines = [...this.#counts].map(([finding, counts]) => this.#lineOf(finding, counts));
      this.#counts.clear();
      if (lines.length > 0 || this.#file?.isBehind()) this.#file?.append(lines);
    });
  }

  /** Without a file, nothing reads the counts. */
  #count<T>(occurred: Map<T, RunningCounts>, what: T, { count, assumed }: SpawnCounts): void {
    if (this.#file === undefined) return;
    const sum = occurred.get(what);
    if (sum === undefined) occurred.set(what, { count, assumed });
    else {
      sum.count += count;
      sum.assumed += assumed;
    }
  }

  #flushInTime(): void {
    if (this.#isExiting) this.#atExit();
    else this.#tryTo('writing counts', () => this.#flushLater());
  }

  /** A program's own exit listener may run after ours, and start processes. */
  #atExit(): void {
    this.flush();
    this.#tryTo('ending the report', () => {
      const lost = this.#file?.finish(() => this.#waitForReader()) ?? 0;
      if (lost > 0) {
        const lines = lost === 1 ? 'one line' : `${lost} lines`;
        const what = `${lines} of the report could not be written to ${this.#fileName()} before the process ended`;
        this.#warner.warn([this.#failure(what)]);
      }
    });
    this.#warner.atExit();
  }

  /** There are no more turns of the event loop, so it blocks. */
  #waitForReader(): boolean {
    if (this.#patience <= 0) return false;
    this.#patience -= PART;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PART);
    return true;
  }

  /** A subscriber may start a process, which may have findings of its own; those are not published to it. */
  #publish(finding: Finding, counts: SpawnCounts): void {
    if (this.#isPublishing) return;
    this.#isPublishing = true;
    try {
      this.#channel.publish(this.#recordOf(finding, counts));
    } finally {
      this.#isPublishing = false;
    }
  }

  /** Where one outlet fails by an error of closefds, the others go on: they run in timers, too. */
  #tryTo(step: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      const what = `closefds failed at ${step}: ${faultOf(error)}`;
      this.#warner.warn([{ code: 'CLOSEFDS_INTERNAL_ERROR', mode: this.#options.mode, what }]);
    }
  }

  #flushLater(): void {
    const { settings, originals } = this.#options;
    const file = this.#file;
    if (this.#isWaiting || settings === undefined || file === undefined) return;
    if (this.#counts.size === 0 && this.#repeats.size === 0 && !file.isBehind()) return;
    this.#isWaiting = true;
    const timer = originals.setTimeout(
      () => {
        this.#isWaiting = false;
        this.flush();
        this.#tryTo('writing counts', () => this.#flushLater());
      },
      Math.min(this.#wait, settings.interval),
    );
    this.#wait *= 2;
    // This timer must not keep the process alive.
    timer.unref();
  }

  #openReportFile(): ReportFile {
    const { isFailing, originals } = this.#options;
    return createReportFile({
      open: () => openPlace(this.#fileName(), originals.fs),
      isFailing,
      onFailure: error =>
        this.#warner.warn([
          this.#failure(`the report file ${this.#fileName()} cannot be written: ${messageOf(error)}`),
        ]),
      lostLine: lost =>
        this.#lineOf(this.#failure(`${lost} lines could not be written in time and are lost`), ONE),
    });
  }

  #fileName(): string {
    return (this.#options.settings?.file ?? '').replaceAll('%p', String(process.pid));
  }

  #lineOf(finding: Finding, counts: SpawnCounts): string {
    return toLine(this.#recordOf(finding, counts));
  }

  #failure(what: string): SelfFinding {
    return { code: 'CLOSEFDS_REPORT_FAILED', mode: this.#options.mode, what };
  }

  #recordOf(finding: Finding, counts: SpawnCounts): ReportRecord {
    return toRecord(finding, {
      time: new Date(this.#options.originals.now()).toISOString(),
      ...processFacts(this.#service),
      ...counts,
    });
  }
}

/** What `strict` refused is told by the error of the call. */
function isTold(findings: readonly Finding[]): findings is Told {
  const [first] = findings;
  return first !== undefined && !(isSpawnFinding(first) && first.disposition === 'refused');
}

function countsOf(occurrence: Occurrence): SpawnCounts {
  return occurrence === 'update' ? { count: 0, assumed: 0 } : ONE;
}
