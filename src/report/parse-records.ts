// Parses the lines of a report file: passes on the records, and counts the lines that are no records.
//
// A process that dies while it writes, or a full disk, leaves a torn line, and the next record is
// appended to it. The parser finds that record by the text with which all records begin.

import { createTally, type Tally } from '../base/counter';
import { FINDING_CODES } from '../findings/finding';
import { FORMAT, LINE_START, type ReportRecord } from '../findings/record';
import { MODES } from '../policy/rule';

/** Counts of input that is no record. */
export interface Skipped {
  /** Records whose end is missing. */
  readonly torn: number;
  /** Complete, but not valid by finding.schema.json. */
  readonly invalid: number;
  /** Lines that other programs wrote. */
  readonly foreign: number;
  readonly tooLong: number;
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

export function createRecordParser(onRecord: (record: ReportRecord) => void): RecordParser {
  const newer = createTally<number>(MOST_VERSIONS);
  const counts = { lines: 0, records: 0, torn: 0, invalid: 0, foreign: 0, tooLong: 0 };

  return { readLine, result: () => ({ ...counts, newer: newer.result() }) };

  function readLine(line: string, isTooLong = false): void {
    if (line.trim() === '') return;
    counts.lines++;
    if (isTooLong) counts.tooLong++;
    const whole = parse(line);
    if (whole !== undefined) readValue(whole);
    else readPieces(line, isTooLong);
  }

  /** JSON escapes quotes, so no string within a record contains this text. */
  function readPieces(line: string, isTooLong: boolean): void {
    const [before = '', ...pieces] = line.split(LINE_START);
    // A log collector may put a time in front of each line; that is not a torn record.
    if (before !== '' && LINE_START.startsWith(before)) counts.torn++;
    else if (pieces.length === 0 && !isTooLong) counts.foreign++;
    for (const piece of pieces) readPiece(LINE_START + piece);
  }

  function readPiece(piece: string): void {
    const value = parse(piece) ?? parse(withoutNextStart(piece));
    if (value === undefined) counts.torn++;
    else readValue(value);
  }

  function readValue(value: unknown): void {
    const version = isObject(value) ? value.closefds : undefined;
    if (version === undefined) counts.foreign++;
    else if (isWholeNumber(version) && version > FORMAT) newer.add(version, 1);
    else if (isRecord(value)) {
      counts.records++;
      onRecord(value);
    } else counts.invalid++;
  }
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

type Check = (value: unknown) => boolean;
type Json = Readonly<Record<string, unknown>>;

// Not a table: this runs for each of a million lines.
function isRecord(value: unknown): value is ReportRecord {
  if (!isObject(value)) return false;
  return (
    value.closefds === FORMAT &&
    isTime(value.time) &&
    isWholeNumber(value.pid) &&
    isWholeNumber(value.thread) &&
    isMode(value.mode) &&
    isCode(value.code) &&
    isWholeNumber(value.count) &&
    mayBeEffect(value.effect) &&
    mayBeDisposition(value.disposition) &&
    mayBeKind(value.kind) &&
    mayBeFd(value.childFd) &&
    mayBeFd(value.sourceFd) &&
    mayBeString(value.target) &&
    mayBeType(value.type) &&
    mayBeAccess(value.access) &&
    mayBeBoolean(value.atStart) &&
    mayBeOpener(value.opener) &&
    mayBeString(value.route) &&
    mayBeString(value.command) &&
    mayBeCaller(value.caller) &&
    mayBeRule(value.rule) &&
    mayBeString(value.announcement) &&
    mayBeCandidate(value.candidate) &&
    mayBeUsed(value.used) &&
    mayBeUse(value.use) &&
    mayBeString(value.what)
  );
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const CODE = /^CLOSEFDS_[A-Z_]{1,50}$/;
const codes: ReadonlySet<unknown> = new Set(FINDING_CODES);

const isTime: Check = value =>
  typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value));
const isCode: Check = value => codes.has(value) || (typeof value === 'string' && CODE.test(value));
const isMode = oneOf(...MODES);
const isString: Check = value => typeof value === 'string';
const isStrings: Check = value => Array.isArray(value) && value.every(isString);
const isEffect = oneOf('allow', 'warn', 'deny');
const isDisposition = oneOf('passed', 'closed', 'refused');

const mayBeString: Check = value => value === undefined || typeof value === 'string';
const mayBeBoolean: Check = value => value === undefined || typeof value === 'boolean';
const mayBeNumber: Check = value => value === undefined || isWholeNumber(value);
const mayBeFd: Check = value => value === undefined || (isWholeNumber(value) && value <= 0x7fffffff);
const mayBeSeconds: Check = value =>
  value === undefined || (typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY);
const mayBeStrings: Check = value => value === undefined || isStrings(value);
const mayBeEffect: Check = value => value === undefined || isEffect(value);
const mayBeDisposition: Check = value => value === undefined || isDisposition(value);
const mayBeKind = oneOf(undefined, 'fd', 'pipe', 'ipc', 'stray');
const mayBeType = oneOf(undefined, 'file', 'pipe', 'socket', 'tty', 'device', 'other');
const mayBeAccess = oneOf(undefined, 'read', 'write', 'both');
const mayBeUsed = oneOf(undefined, true, false, 'unknown');
const isVerdict = oneOf(
  ...['used', 'probed', 'closed unused', 'never touched', 'delegated', 'inherited on', 'unknown'],
);

const mayBeRule = objectWhere(
  ({ source, reason, knownUpTo, knownIn }) =>
    isString(source) && mayBeString(reason) && mayBeString(knownUpTo) && mayBeStrings(knownIn),
);

const mayBeOpener = objectWhere(({ package: name, version }) => isString(name) && isString(version));

const mayBeCandidate = objectWhere(
  ({ effect, disposition, rule }) => isEffect(effect) && isDisposition(disposition) && mayBeRule(rule),
);

const mayBeCaller = objectWhere(
  caller =>
    isString(caller.package) &&
    mayBeString(caller.version) &&
    mayBeString(caller.declaredName) &&
    mayBeString(caller.file) &&
    mayBeString(caller.fileInPackage) &&
    mayBeNumber(caller.line) &&
    mayBeNumber(caller.column) &&
    mayBeString(caller.function) &&
    mayBeStrings(caller.launchers),
);

const isProgramUse: Check = value =>
  isObject(value) &&
  isVerdict(value.verdict) &&
  mayBeString(value.reason) &&
  mayBeString(value.program) &&
  mayBeString(value.version) &&
  mayBeStrings(value.calls) &&
  mayBeSeconds(value.after);

const mayBeUse = objectWhere(
  use =>
    isProgramUse(use) &&
    (use.heirs === undefined || (Array.isArray(use.heirs) && use.heirs.every(isProgramUse))) &&
    mayBeSeconds(use.held) &&
    (use.running === undefined || use.running === true),
);

function isWholeNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function oneOf(...values: readonly unknown[]): Check {
  return value => values.includes(value);
}

/** undefined is valid, too. */
function objectWhere(check: (value: Json) => boolean): Check {
  return value => value === undefined || (isObject(value) && check(value));
}
