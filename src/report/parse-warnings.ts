// Parses findings out of the plain warnings in a log: what message.ts wrote, between the lines of other programs.
//
// A warning comes once for each call site, so its counts are lower bounds.

import type { RecordedCaller, ReportRecord } from '../findings/record';
import type { Access, FileType, Kind } from '../model/spawn-request';
import type { Action } from '../policy/apply-mode';

/** What the log says of a line besides its text. */
export interface LineOrigin {
  /** ISO 8601, UTC; undefined where the log has none. */
  readonly time?: string | undefined;
  readonly host?: string | undefined;
}

export interface WarningParser {
  /** Returns whether the line is a part of a warning, or is between its lines. Never throws. */
  readonly readLine: (line: string, origin: LineOrigin) => boolean;
  /** Passes on what waits for further lines. */
  readonly end: () => void;
}

/** `time` is empty where the log has none. */
export type WarningRecord = ReportRecord;

type Part = Partial<ReportRecord>;

/** A warning about several FDs, whose lines follow. */
interface Several {
  readonly common: ReportRecord;
  readonly fds: Set<number>;
  others: number;
}

/** A collector may have put a time in front. */
const WARNING = /\(node:(\d+)\) \[(CLOSEFDS_[A-Z_]{1,50})\] ClosefdsWarning: (.*)$/;
/** The lines below a warning. */
const FD_LINE = /(?:^|\s) {2}FD (\d+)(?: and ([\d,]+) more)?: (.*)$/;
const LAST_LINE = /See docs\/findings\.md#closefds_\w+ in the package\.$/;
const HINT = /\(Use `\S+ --trace-warnings \.\.\.` to show where the warning was created\)$/;
/** No warning has more lines. */
const MOST_LINES = 40;

export function createWarningParser(onRecord: (record: WarningRecord) => void): WarningParser {
  let several: Several | undefined;
  /** How many lines may still belong to the warning. */
  let below = 0;
  return { readLine, end };

  function readLine(line: string, origin: LineOrigin): boolean {
    const [, pid, code, message] = WARNING.exec(line) ?? [];
    if (pid !== undefined && code !== undefined && message !== undefined) {
      end();
      below = MOST_LINES;
      const time = origin.time ?? timeIn(line) ?? '';
      readWarning(message, {
        ...NOTHING,
        time,
        pid: Number(pid),
        code: code as ReportRecord['code'],
        ...hostOf(origin),
      });
      return true;
    }
    if (below === 0) return HINT.test(line);
    below = LAST_LINE.test(line) ? 0 : below - 1;
    readBelow(line);
    return true;
  }

  function readWarning(message: string, base: ReportRecord): void {
    const spawn = parseSpawn(message);
    const { subject = '', ...common } = spawn ?? {};
    const [, numbers] = /^\w+ FDs (.*)$/.exec(subject) ?? [];
    if (spawn === undefined) onRecord({ ...base, what: message });
    else if (numbers === undefined) onRecord({ ...base, ...common, ...parseSubject(subject) });
    else startSeveral(subject, numbers, { ...base, ...common });
  }

  function startSeveral(subject: string, numbers: string, common: ReportRecord): void {
    const [, others = '0'] = / and ([\d,]+) more$/.exec(numbers) ?? [];
    const listed = numbers.replace(/ and [\d,]+ more$/, '').match(/\d+/g) ?? [];
    several = {
      common: { ...common, kind: subject.startsWith('stray') ? 'stray' : 'fd' },
      fds: new Set(listed.map(Number)),
      others: toNumber(others),
    };
  }

  function readBelow(line: string): void {
    const [, fd, more = '0', text] = FD_LINE.exec(line) ?? [];
    if (fd === undefined || text === undefined || several === undefined) return;
    if (!several.fds.delete(Number(fd))) several.others--;
    several.others -= toNumber(more);
    const described = parseDescription(several.common.kind === 'stray', withoutNotes(text));
    const others = toNumber(more);
    onRecord({ ...several.common, childFd: Number(fd), ...described, ...(others > 0 && { more: others }) });
  }

  function end(): void {
    if (several === undefined) return;
    const { common, fds, others } = several;
    several = undefined;
    for (const childFd of fds) onRecord({ ...common, childFd });
    if (others > 0) onRecord({ ...common, count: others });
  }
}

const NOTHING = { closefds: 1, thread: 0, mode: 'enforce', count: 1 } as const;

function hostOf({ host }: LineOrigin): Part {
  return host === undefined ? {} : { host };
}

function toNumber(text: string): number {
  return Number(text.replaceAll(',', ''));
}

/** The first ISO 8601 time in a line. */
function timeIn(line: string): string | undefined {
  const [text] = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)/.exec(line) ?? [];
  const milliseconds = Date.parse(text?.replace(' ', 'T').replace(',', '.') ?? '');
  return Number.isNaN(milliseconds) ? undefined : new Date(milliseconds).toISOString();
}

// ---------------------------------------------------------------------------------------------
// The sentence
// ---------------------------------------------------------------------------------------------

const ACTIONS: Readonly<Record<string, Action>> = {
  'passes to the child': 'passed',
  'pass to the child': 'passed',
  'was closed': 'closed',
  'were closed': 'closed',
  'is not allowed': 'refused',
  'are not allowed': 'refused',
};

const MODES = { passed: 'warn', closed: 'enforce', refused: 'strict' } as const;

const SPAWN =
  /^(?:(unsafe\(\)) (?:passed |was used)|(?=stray |designated ))(.*?)(?: (pass(?:es)? to the child|w(?:as|ere) closed|(?:is|are) not allowed))?: (.*?) starting "(.*?)" with ([\w.]+)\(\)(.*)$/;

/** undefined for a finding about closefds itself. */
function parseSpawn(message: string): (Part & { readonly subject: string }) | undefined {
  const [, unsafe, subject = '', verb = '', who = '', command = '', route = '', rest = ''] =
    SPAWN.exec(message) ?? [];
  const disposition = unsafe === undefined ? ACTIONS[verb] : 'passed';
  if (disposition === undefined) return undefined;
  const [, announcement] = /; announced to the child by "(.*?)"/.exec(rest) ?? [];
  const caller = parseCaller(who, withoutNotes(rest));
  return {
    subject,
    disposition,
    // The message does not have the mode, only what it did.
    mode: MODES[disposition],
    route,
    command,
    ...(caller !== undefined && { caller }),
    ...(announcement !== undefined && { announcement }),
  };
}

function withoutNotes(text: string): string {
  return text.replace(/; (?:announced to the child by|\S+ is known|the candidate policy would) .*$/, '');
}

/** Of `tsx@4.6.0 (package "x")` and ` at /a/b.js:3:5, through execa`. */
function parseCaller(who: string, place: string): RecordedCaller | undefined {
  if (who === 'an unknown caller') return undefined;
  const [, name = '', version, declaredName] =
    /^(@?[^@\s]+)(?:@(\S+))?(?: \(package "(.*)"\))?$/.exec(who) ?? [];
  const named = who === 'the app' ? '.' : who === 'code without a file' ? '?' : name;
  const [, site, launchers] = /^ at (.*?)(?:, through (.*))?$/.exec(place) ?? [];
  const [, file = site, line, column] = /^(.*):(\d+):(\d+)$/.exec(site ?? '') ?? [];
  return {
    package: named,
    ...(version !== undefined && { version }),
    ...(declaredName !== undefined && { declaredName }),
    ...(file !== undefined && { file, ...inPackage(file, named) }),
    ...(line !== undefined && { line: Number(line), column: Number(column) }),
    ...(launchers !== undefined && { launchers: launchers.split(', ') }),
  };
}

function inPackage(file: string, name: string): { fileInPackage?: string } {
  const folder = `/node_modules/${name}/`;
  const at = file.lastIndexOf(folder);
  return at === -1 ? {} : { fileInPackage: file.slice(at + folder.length) };
}

/** `stray FD 20 (...)`, `designated FD 3 (...)`; empty for unsafe() without an FD. */
function parseSubject(subject: string): Part {
  const [, sort, fd, description = ''] = /^(stray|designated) FD (\d+) \((.*)\)$/.exec(subject) ?? [];
  if (sort === undefined) return {};
  return { childFd: Number(fd), ...parseDescription(sort === 'stray', description) };
}

const ACCESSES: Readonly<Record<string, Access>> = {
  'read-only': 'read',
  'write-only': 'write',
  'read-write': 'both',
};

function parseDescription(isStray: boolean, description: string): Part {
  if (!isStray && description === 'a new pipe') return { kind: 'pipe' };
  if (!isStray && description === 'the message channel') return { kind: 'ipc' };
  const origin = /(?:^|, )(inherited at start|opened since start(?:, most likely by (\S+)@(\S+))?)$/.exec(
    description,
  );
  const source = /(?:^|, )FD (\d+) here$/.exec(description);
  const [text, accessText] = splitAccess(description.slice(0, (isStray ? origin : source)?.index));
  const access = accessText && ACCESSES[accessText];
  const [, opener, version = ''] = [origin?.[1], origin?.[2], origin?.[3]];
  return {
    kind: (isStray ? 'stray' : 'fd') satisfies Kind,
    ...parseFile(text),
    ...(access && { access }),
    ...(isStray && { atStart: origin?.[1] === 'inherited at start' }),
    ...(opener !== undefined && { opener: { package: opener, version, source: 'warning' } }),
    ...(!isStray && source?.[1] !== undefined && { sourceFd: Number(source[1]) }),
  };
}

function splitAccess(text: string): [string, string | undefined] {
  const [, before, access] = /^(?:(.*), )?(read-only|write-only|read-write)$/.exec(text) ?? [];
  return access === undefined ? [text, undefined] : [before ?? '', access];
}

function parseFile(text: string): Part {
  if (text === '' || text === 'an open FD') return {};
  const [, type, path] = /^(file|pipe|socket|tty|device|other)(?: (.*))?$/.exec(text) ?? [];
  if (type === undefined) return { target: text };
  return { type: type as FileType, ...(path !== undefined && { target: path }) };
}
