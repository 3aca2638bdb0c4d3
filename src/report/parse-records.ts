// Parses the lines of a report file: passes on the records, and counts the lines that are no records.
//
// A process that dies while it writes, or a full disk, leaves a torn line, and the next record is
// appended to it. The parser finds that record by the text with which all records begin.

import { createTally, type Tally } from '../base/counter';
import { FIELDS, FORMAT, REQUIRED, type ReportRecord } from '../findings/fields';
import { LINE_START } from '../findings/record';
import { isObject } from '../findings/shapes';
import type { LineOrigin } from './parse-warnings';

/** Counts of input that is no record. */
export interface Skipped {
  /** Records whose end is missing. */
  readonly torn: number;
  /** Complete, but not valid by finding.schema.json. */
  readonly invalid: number;
  /** Lines that other programs wrote. */
  readonly foreign: number;
  readonly tooLong: number;
  /** Parts of warnings, which are read too where they are asked for. */
  readonly warnings: number;
  /** Records of newer versions of the format, by version. */
  readonly newer: Tally<number>;
}

export interface ParseResult extends Skipped {
  /** Without blank lines. */
  readonly lines: number;
  readonly records: number;
}

export interface RecordParser {
  /** Takes a line without its line feed, or the end of a line that is too long. Never throws. */
  readonly readLine: (line: string, isTooLong?: boolean) => void;
  readonly result: () => ParseResult;
}

const MOST_VERSIONS = 16;

/** `readWarning` takes lines that are no records; it returns whether it read one. */
export function createRecordParser(
  onRecord: (record: ReportRecord) => void,
  readWarning: (line: string, origin: LineOrigin) => boolean = () => false,
): RecordParser {
  const newer = createTally<number>(MOST_VERSIONS);
  const counts = { lines: 0, records: 0, torn: 0, invalid: 0, foreign: 0, tooLong: 0, warnings: 0 };

  return { readLine, result: () => ({ ...counts, newer: newer.result() }) };

  function readLine(line: string, isTooLong = false): void {
    if (line.trim() === '') return;
    counts.lines++;
    if (isTooLong) counts.tooLong++;
    const whole = parse(line);
    const entry = whole === undefined ? undefined : entryOf(whole);
    if (entry !== undefined) readEntry(entry);
    else if (whole !== undefined) readValue(whole, line, {});
    else readPieces(line, isTooLong, {});
  }

  /** A line of a log that is itself in JSON. */
  function readEntry({ text, origin }: LogEntry): void {
    for (const line of text.split('\n')) {
      const whole = parse(line);
      if (whole !== undefined) readValue(whole, line, origin);
      else if (line.trim() !== '') readPieces(line, false, origin);
    }
  }

  /** JSON escapes quotes, so no string within a record contains this text. */
  function readPieces(line: string, isTooLong: boolean, origin: LineOrigin): void {
    const [before = '', ...pieces] = line.split(LINE_START);
    // A log collector may put a time in front of each line; that is not a torn record.
    if (before !== '' && LINE_START.startsWith(before)) counts.torn++;
    else if (pieces.length === 0 && readWarning(line, origin)) counts.warnings++;
    else if (pieces.length === 0 && !isTooLong) counts.foreign++;
    for (const piece of pieces) readPiece(LINE_START + piece);
  }

  function readPiece(piece: string): void {
    const value = parse(piece) ?? parse(withoutNextStart(piece));
    if (value === undefined) counts.torn++;
    else readValue(value, piece, {});
  }

  function readValue(value: unknown, line: string, origin: LineOrigin): void {
    const version = isObject(value) ? value.closefds : undefined;
    // A warning has a rule to copy, on a line of its own.
    if (version === undefined) counts[readWarning(line, origin) ? 'warnings' : 'foreign']++;
    else if (isWholeNumber(version) && version > FORMAT) newer.add(version, 1);
    else if (isRecord(value)) {
      counts.records++;
      onRecord(value);
    } else counts.invalid++;
  }
}

interface LogEntry {
  readonly text: string;
  readonly origin: LineOrigin;
}

/**
 * What `journalctl -o json` writes (systemd.journal-fields(7); the time is in microseconds), and the log files of
 * Docker's driver json-file.
 */
function entryOf(value: unknown): LogEntry | undefined {
  if (!isObject(value) || value.closefds !== undefined) return undefined;
  const { MESSAGE: message, __REALTIME_TIMESTAMP: microseconds, _HOSTNAME: host, log, time } = value;
  // Text that is not UTF-8 is a list of bytes.
  const text = Array.isArray(message) ? Buffer.from(message as number[]).toString() : message;
  if (typeof text === 'string')
    return { text, origin: { time: isoTime(Number(microseconds) / 1000), host: stringOr(host) } };
  if (typeof log !== 'string') return undefined;
  return { text: log, origin: { time: isoTime(Date.parse(String(time))) } };
}

function isoTime(milliseconds: number): string | undefined {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

function stringOr(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Removes the beginning of a next record that is shorter than LINE_START. */
function withoutNextStart(piece: string): string {
  const end = piece.lastIndexOf('{');
  return LINE_START.startsWith(piece.slice(end)) ? piece.slice(0, end) : piece;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// ---------------------------------------------------------------------------------------------
// Validation by finding.schema.json; more keys, and codes of later versions, are valid, too
// ---------------------------------------------------------------------------------------------

const CHECKS = Object.entries(FIELDS).map(([key, { shape }]) => ({
  key,
  accepts: shape().accepts,
  isRequired: REQUIRED.some(required => required === key),
}));

function isRecord(value: unknown): value is ReportRecord {
  if (!isObject(value)) return false;
  for (const { key, accepts, isRequired } of CHECKS) {
    const part = value[key];
    if (part === undefined ? isRequired : !accepts(part)) return false;
  }
  return true;
}

function isWholeNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
