// The report file: findings as lines of JSON, appended by any number of processes.
//
// The file is open only while it is written. So there is no FD that could leak, that a program
// could close by number and open again as something else, or that would go on writing to a file
// that was rotated away. One write() makes one line, at the end of the file (O_APPEND), so lines
// of several processes do not mix.

import fs = require('node:fs');

const { constants } = fs;

/** Does not wait for the reader of a FIFO, and does not make a terminal the controlling one. Node adds O_CLOEXEC. */
const FLAGS =
  constants.O_WRONLY |
  constants.O_APPEND |
  constants.O_CREAT |
  (constants.O_NONBLOCK ?? 0) |
  (constants.O_NOCTTY ?? 0);

/** For a new file. Paths may be secret, so only the owner can read it. */
const PERMISSIONS = 0o600;

/** About a megabyte. Further lines are counted as lost. */
const MOST_KEPT = 1000;

export interface ReportFile {
  /** Appends lines, each with its line feed. Keeps those that cannot be written for the next call. Never throws. */
  readonly append: (lines: readonly string[]) => void;
  /** Whether lines wait to be written. */
  readonly isBehind: () => boolean;
}

export type FileFunctions = Pick<typeof fs, 'openSync' | 'writeSync' | 'closeSync'>;

export interface ReportFileOptions {
  readonly file: string;
  /** Captured before programs could replace them. */
  readonly fs: FileFunctions;
  /** Called for the first failure after a success. */
  readonly onFailure: (error: unknown) => void;
  /** Makes the line with the number of lost lines. */
  readonly lostLine: (lost: number) => string;
}

export function createReportFile({ file, fs, onFailure, lostLine }: ReportFileOptions): ReportFile {
  let kept: Buffer[] = [];
  let lost = 0;
  let failing = false;
  /** Only a part of the last line was written: the next line must not be appended to it. */
  let torn = false;

  return { append, isBehind: () => kept.length > 0 };

  function append(lines: readonly string[]): void {
    keep(lines);
    try {
      writeKept();
      failing = false;
    } catch (error) {
      if (failing) return;
      failing = true;
      onFailure(error);
    }
  }

  function keep(lines: readonly string[]): void {
    const fitting = lines.slice(0, MOST_KEPT - kept.length);
    lost += lines.length - fitting.length;
    kept.push(...fitting.map(line => Buffer.from(line)));
  }

  function writeKept(): void {
    const fd = fs.openSync(file, FLAGS, PERMISSIONS);
    try {
      let written = 0;
      try {
        for (const line of kept) {
          writeLine(fd, line);
          written++;
        }
      } finally {
        kept = kept.slice(written);
      }
      if (lost === 0) return;
      writeLine(fd, Buffer.from(lostLine(lost)));
      lost = 0;
    } finally {
      fs.closeSync(fd);
    }
  }

  function writeLine(fd: number, line: Buffer): void {
    const bytes = torn ? Buffer.concat([Buffer.from('\n'), line]) : line;
    const written = fs.writeSync(fd, bytes);
    torn = written < bytes.length && (torn || written > 0);
    if (written < bytes.length)
      throw new Error(`${written} of ${bytes.length} bytes found room, as on a full disk`);
  }
}
