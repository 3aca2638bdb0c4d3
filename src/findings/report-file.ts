// The report file: findings as lines of JSON, appended by any number of processes.
//
// The file is open only while it is written. So there is no FD that could leak, that a program
// could close by number and open again as something else, or that would go on writing to a file
// that was rotated away. One write() makes one line, at the end of the file (O_APPEND), so lines
// of several processes do not mix.

/** About a megabyte. Further lines are counted as lost. */
const MOST_KEPT = 1000;

export interface ReportFile {
  /** Appends lines, each with its line feed. Keeps those that cannot be written for the next call. Never throws. */
  readonly append: (lines: readonly string[]) => void;
  /** Whether lines wait to be written. */
  readonly isBehind: () => boolean;
  /**
   * Writes what waits, at the end of the process. Waits for a slow reader of a pipe as long as `wait` returns
   * true. Returns how many lines are lost. Never throws.
   */
  readonly finish: (wait: () => boolean) => number;
}

export interface OpenPlace {
  /** Whether a write can fail because a reader is slow. */
  readonly isPipe: boolean;
  /** Returns how many bytes were written. Throws errors of the system. */
  readonly write: (bytes: Buffer) => number;
  readonly close: () => void;
}

export interface ReportFileOptions {
  /** See report-place.ts. Throws if the file cannot be written. */
  readonly open: () => OpenPlace;
  /** Whether it is known, and was reported, that the file cannot be written. */
  readonly isFailing?: boolean;
  /** Called for the first failure after a success. */
  readonly onFailure: (error: unknown) => void;
  /** Makes the line with the number of lost lines. */
  readonly lostLine: (lost: number) => string;
}

export function createReportFile({
  open,
  isFailing = false,
  onFailure,
  lostLine,
}: ReportFileOptions): ReportFile {
  let kept: Buffer[] = [];
  let lost = 0;
  let failing = isFailing;
  /** The reader of a pipe has not made room yet. */
  let isBlocked = false;
  /** Only a part of the last line was written: the next line must not be appended to it. */
  let torn = false;

  return { append, isBehind: () => kept.length > 0, finish };

  function append(lines: readonly string[]): void {
    keep(lines);
    isBlocked = false;
    if (kept.length === 0 && lost === 0) return;
    try {
      writeKept();
      failing = false;
    } catch (error) {
      if (failing) return;
      failing = true;
      onFailure(error);
    }
  }

  function finish(wait: () => boolean): number {
    append([]);
    while (isBlocked && wait()) append([]);
    const dropped = kept.length + lost;
    kept = [];
    lost = 0;
    return dropped;
  }

  function keep(lines: readonly string[]): void {
    const fitting = lines.slice(0, MOST_KEPT - kept.length);
    lost += lines.length - fitting.length;
    kept.push(...fitting.map(line => Buffer.from(line)));
  }

  function writeKept(): void {
    const place = open();
    try {
      let written = 0;
      try {
        for (const line of kept) {
          writeLine(place, line);
          written++;
        }
      } finally {
        kept = kept.slice(written);
      }
      if (lost === 0) return;
      writeLine(place, Buffer.from(lostLine(lost)));
      lost = 0;
    } finally {
      place.close();
    }
  }

  function writeLine({ isPipe, write }: OpenPlace, line: Buffer): void {
    const bytes = torn ? Buffer.concat([Buffer.from('\n'), line]) : line;
    let written = 0;
    try {
      written = write(bytes);
    } catch (error) {
      isBlocked = (error as NodeJS.ErrnoException).code === 'EAGAIN';
      throw error;
    }
    torn = written < bytes.length && (torn || written > 0);
    if (written === bytes.length) return;
    isBlocked = isPipe;
    throw new Error(`${written} of ${bytes.length} bytes found room, as on a full disk`);
  }
}
