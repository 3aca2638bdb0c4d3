// The fields of a record: one line of a report file, one message of the diagnostics channel. To add a field, add
// it here: to the interface, to RECORDED (its value), to FIELDS (its shape and description), and to TALLIES if a
// report counts it.
//
// toRecord(), the parser of reports, aggregate.ts, the report page, closefds/otel and finding.schema.json use
// these tables. There are several because the preloads load only RECORDED: what a bundle does not use must be a
// literal without calls, so that esbuild leaves it out.

import { baseName } from '../base/base-name';
import type { Tally } from '../base/counter';
import { APP, type Caller, type CodePlace, type SourcePlace, shownPlace } from '../model/caller';
import { type ChildExit, exitTitle } from '../model/child-exit';
import { type OffsetMove, type Use, type UseGrade, usersOf } from '../model/fd-use';
import type { Access, FileType, Kind } from '../model/spawn-request';
import type { Action } from '../policy/apply-mode';
import { ACCESSES, EFFECTS, type Effect, FILE_TYPES, KINDS, MODES, type Mode } from '../policy/rule';
import { FINDING_CODES, type FindingCode, type RuleInForce, type SpawnFinding } from './finding';
import {
  constant,
  described,
  duration,
  flag,
  listOf,
  literalOf,
  objectOf,
  reference,
  type Shape,
  text,
  wholeNumber,
} from './shapes';

/** Goes up when a reader of the old format would misread the new one. */
export const FORMAT = 1;

export interface ReportRecord {
  /** The version of this format. Always the first key, so that a reader finds it behind a torn line. */
  readonly closefds: typeof FORMAT;
  /** ISO 8601, UTC, with milliseconds. */
  readonly time: string;
  readonly pid: number;
  /** 0 is the main thread. */
  readonly thread: number;
  /** `name@version` of the app's package.json, or CLOSEFDS_APP. */
  readonly app?: string;
  /** The main program that Node was started with: its path below the app's root, or absolute. */
  readonly script?: string;
  /** The name of the machine or container. */
  readonly host?: string;
  readonly mode: Mode;
  readonly code: FindingCode;
  readonly effect?: Effect;
  readonly disposition?: Action;
  readonly kind?: Kind;
  readonly childFd?: number;
  readonly sourceFd?: number;
  readonly target?: string;
  readonly type?: FileType;
  readonly access?: Access;
  readonly atStart?: boolean;
  readonly opener?: NonNullable<SpawnFinding['opener']>;
  readonly route?: string;
  readonly command?: string;
  readonly caller?: RecordedCaller;
  readonly rule?: RecordedRule;
  readonly announcement?: string;
  readonly candidate?: { readonly effect: Effect; readonly disposition: Action; readonly rule: RecordedRule };
  /** Whether a child used the FD. */
  readonly used?: UseGrade;
  /** With `used: 'likely'`: the condition under which the offset of the file moved. */
  readonly offsetMoved?: OffsetMove;
  /** What was closed: how a child without it ended. */
  readonly exit?: ChildExit;
  /** Strays: so many further FDs of each spawn, with the same opener and result, have no line of their own. */
  readonly more?: number;
  /** The process was made by native code. */
  readonly native?: NonNullable<SpawnFinding['native']>;
  /** What an audit saw. */
  readonly use?: Use;
  /** Findings about closefds itself: what happened. */
  readonly what?: string;
  /** How many spawns this line counts that no earlier line of its thread counts; 0 if it only adds a field to one. */
  readonly count: number;
  /** How many of these spawns were counted for this call site without looking at the stack. Missing: none. */
  readonly assumed?: number;
}

export interface RecordedCaller extends RecordedPlace {
  readonly launchers?: readonly string[];
  /** The packages that called the caller, nearest first. */
  readonly calledBy?: readonly RecordedPlace[];
}

export interface RecordedPlace {
  /** `"."` for the app, `"?"` for code without a file. */
  readonly package: string;
  readonly version?: string;
  readonly declaredName?: string;
  /** The file that runs, and the position in it. */
  readonly file?: string;
  readonly fileInPackage?: string;
  readonly line?: number;
  readonly column?: number;
  readonly function?: string;
  /** The place in the source that the file was generated from. */
  readonly source?: SourcePlace;
  readonly forwards?: true;
}

export interface RecordedRule {
  readonly source: string;
  readonly reason?: string;
  readonly knownUpTo?: string;
  readonly knownIn?: readonly string[];
}

export type RecordKey = keyof ReportRecord;

// ---------------------------------------------------------------------------------------------
// Serialise
// ---------------------------------------------------------------------------------------------

export interface RecordMetadata {
  readonly time: string;
  readonly pid: number;
  readonly thread: number;
  readonly app: string | undefined;
  readonly script: string | undefined;
  readonly host: string | undefined;
  readonly count: number;
  /** How many of `count` were counted without looking at the stack. */
  readonly assumed: number;
}

export interface RecordSource {
  readonly finding: { readonly mode: Mode; readonly code: FindingCode };
  /** undefined for a finding about closefds itself. */
  readonly spawn: SpawnFinding | undefined;
  readonly what: string | undefined;
  readonly metadata: RecordMetadata;
  readonly use: Use | undefined;
}

/** In the order of the keys in a line. */
export const RECORDED: {
  readonly [K in RecordKey]-?: (source: RecordSource) => ReportRecord[K] | undefined;
} = {
  closefds: () => FORMAT,
  time: ({ metadata }) => metadata.time,
  pid: ({ metadata }) => metadata.pid,
  thread: ({ metadata }) => metadata.thread,
  app: ({ metadata }) => metadata.app,
  script: ({ metadata }) => metadata.script,
  host: ({ metadata }) => metadata.host,
  mode: ({ finding }) => finding.mode,
  code: ({ finding }) => finding.code,
  effect: ({ spawn }) => spawn?.effect,
  disposition: ({ spawn }) => spawn?.disposition,
  kind: ({ spawn }) => spawn?.kind,
  childFd: ({ spawn }) => spawn?.childFd,
  sourceFd: ({ spawn }) => spawn?.sourceFd,
  target: ({ spawn }) => spawn?.target,
  type: ({ spawn }) => spawn?.type,
  access: ({ spawn }) => spawn?.access,
  atStart: ({ spawn }) => (spawn?.kind === 'stray' ? spawn.atStart : undefined),
  opener: ({ spawn }) => spawn?.opener,
  route: ({ spawn }) => spawn?.route,
  command: ({ spawn }) => spawn?.command,
  caller: ({ spawn }) => spawn?.caller && recordedCaller(spawn.caller),
  rule: ({ spawn }) => spawn?.rule && recordedRule(spawn.rule),
  announcement: ({ spawn }) => spawn?.announcement,
  candidate: ({ spawn }) =>
    spawn?.candidate && { ...spawn.candidate, rule: recordedRule(spawn.candidate.rule) },
  used: ({ spawn }) => spawn?.used,
  offsetMoved: ({ spawn }) => spawn?.offsetMoved,
  exit: ({ spawn }) => spawn?.exit,
  more: ({ spawn }) => spawn?.more,
  native: ({ spawn }) => spawn?.native,
  use: ({ use }) => use,
  what: ({ what }) => what,
  count: ({ metadata }) => metadata.count,
  assumed: ({ metadata }) => metadata.assumed || undefined,
};

function recordedCaller({ launchers, calledBy, callee: _, ...place }: Caller): RecordedCaller {
  return withoutMissing<RecordedCaller>({
    ...recordedPlace(place),
    launchers: launchers.length === 0 ? undefined : launchers,
    calledBy: calledBy?.map(recordedPlace),
  });
}

function recordedPlace({ name, ...rest }: CodePlace): RecordedPlace {
  return withoutMissing<RecordedPlace>({ package: name, ...rest });
}

function recordedRule(rule: RuleInForce): RecordedRule {
  return withoutMissing<RecordedRule>(rule);
}

export function withoutMissing<T>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as T;
}

// ---------------------------------------------------------------------------------------------
// Validate, and the JSON schema
// ---------------------------------------------------------------------------------------------

export interface RecordField {
  readonly description?: string;
  /** A function, so that bundles can leave it out where it is not used. */
  readonly shape: () => Shape;
  /** Attributes of OpenTelemetry: those of the metric, which must have few values, ... */
  readonly metric?: (record: ReportRecord) => Attributes;
  /** ... and those that only the event has. */
  readonly event?: (record: ReportRecord) => Attributes;
}

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

const effect = () => literalOf(EFFECTS);
const disposition = () => literalOf(['passed', 'closed', 'refused']);
const fdNumber = () => wholeNumber(0, 0x7fffffff);
const useVerdict = () =>
  literalOf(['used', 'delegated', 'inherited on', 'probed', 'closed unused', 'never touched', 'unknown']);
const useReason = () => described('Why it is unknown.', text);
const program = () => described('The path of the program, or [redacted].', text);
const programVersion = () => described('The version of the program, if it was cheap to find.', text);
const calls = () =>
  described(
    'The system calls that used it, or else those that asked about it, in the order of their first times.',
    listOf(text),
  );
const seconds = () =>
  described('To the first of these calls, since the program that was given the FD was executed.', duration);
const rule = () =>
  described(
    'The rule that decided, and where it is written.',
    objectOf(
      { source: text },
      {
        reason: text,
        knownUpTo: text,
        knownIn: described(
          'Ranges of versions of the caller that are known to pass such an FD; this one is in none.',
          listOf(text),
        ),
      },
    ),
  );

/** The `$defs` of finding.schema.json. */
export const DEFINITIONS: Readonly<Record<string, () => Shape>> = {
  fd: fdNumber,
  effect,
  disposition,
  useVerdict,
  useReason,
  program,
  programVersion,
  calls,
  seconds,
  rule,
};

function programUse(more: Readonly<Record<string, Shape>> = {}): Shape {
  return objectOf(
    { verdict: reference('useVerdict', useVerdict()) },
    {
      reason: reference('useReason', useReason()),
      program: reference('program', program()),
      version: reference('programVersion', programVersion()),
      calls: reference('calls', calls()),
      after: reference('seconds', seconds()),
      ...more,
    },
  );
}

const sourceShape = () =>
  described(
    'The place in the source that the file was generated from, if Node or the program knew a source map.',
    objectOf({ file: text, fileInPackage: text, line: wholeNumber(1), column: wholeNumber(1) }),
  );

function placeShape(more: Readonly<Record<string, Shape>> = {}): Shape {
  return objectOf(
    {
      package: described(
        'The folder below node_modules, "." for the app, "?" for code without a file.',
        text,
      ),
    },
    {
      version: text,
      declaredName: described('The name in its package.json, where that differs (an npm alias).', text),
      file: described(
        'The path of the file that runs; the same as fileInPackage where it is redacted, or [redacted].',
        text,
      ),
      fileInPackage: described(
        'The same relative to the package, or to the app, as rules match it; or [redacted].',
        text,
      ),
      line: wholeNumber(1),
      column: wholeNumber(1),
      function: text,
      source: sourceShape(),
      forwards: described(
        'The code passes on the options that it was given, and puts no FD from 3 up into them as far as its text shows.',
        constant(true),
      ),
      ...more,
    },
  );
}

const callerShape = () =>
  placeShape({
    launchers: described(
      'Launchers that were stepped over, nearest to child_process first.',
      listOf(text, 1),
    ),
    calledBy: described(
      'The packages whose code called the caller, nearest first, to the app at the most; without launchers.',
      listOf(placeShape(), 1),
    ),
  });

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const CODE = /^CLOSEFDS_[A-Z_]{1,50}$/;

const time: Shape = {
  schema: { type: 'string', format: 'date-time' },
  accepts: value => typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value)),
};

const code: Shape = {
  schema: { enum: FINDING_CODES },
  // A later version has other codes.
  accepts: value => typeof value === 'string' && CODE.test(value),
};

/** The keys that every record has. */
export const REQUIRED: readonly RecordKey[] = ['closefds', 'time', 'pid', 'thread', 'mode', 'code', 'count'];

export const FIELDS: { readonly [K in RecordKey]-?: RecordField } = {
  closefds: {
    description: 'The version of this format; always the first key of a line.',
    shape: () => constant(FORMAT),
  },
  time: { description: 'ISO 8601, UTC, with milliseconds: when the line was made.', shape: () => time },
  pid: { shape: () => wholeNumber(1) },
  thread: { description: "Node's threadId; 0 is the main thread.", shape: () => wholeNumber(0) },
  app: {
    description: "name@version of the app's package.json, or CLOSEFDS_APP.",
    shape: () => text,
    metric: ({ app }) => ({ 'closefds.app': app }),
  },
  script: {
    description:
      "The main program of the process, which Node was started with: its path below the app's root, or absolute, or [redacted]. Missing for code from -e or stdin.",
    shape: () => text,
    event: ({ script }) => ({ 'closefds.script': script }),
  },
  host: {
    description: 'The name of the machine or container, as os.hostname() gives it.',
    shape: () => text,
    // In a metric, the SDK's resource has it.
    event: ({ host }) => ({ 'host.name': host }),
  },
  mode: {
    description: 'The mode in force.',
    shape: () => literalOf(MODES),
    metric: ({ mode }) => ({ 'closefds.mode': mode }),
  },
  code: {
    description: 'Stable; each has a heading in docs/findings.md.',
    shape: () => code,
    metric: ({ code }) => ({ 'closefds.code': code }),
  },
  effect: { shape: () => reference('effect', effect()) },
  disposition: {
    shape: () => reference('disposition', disposition()),
    metric: ({ disposition }) => ({ 'closefds.disposition': disposition }),
  },
  kind: { shape: () => literalOf(KINDS), metric: ({ kind }) => ({ 'closefds.kind': kind }) },
  childFd: {
    description: 'The number in the child.',
    shape: () => reference('fd', fdNumber()),
    event: ({ childFd }) => ({ 'closefds.fd': childFd }),
  },
  sourceFd: { description: 'The number in the parent.', shape: () => reference('fd', fdNumber()) },
  target: {
    description: 'What the FD points to, as /proc/self/fd shows it, or [redacted].',
    shape: () => text,
    event: ({ target }) => ({ 'closefds.target': target }),
  },
  type: { shape: () => literalOf(FILE_TYPES), event: ({ type }) => ({ 'closefds.type': type }) },
  access: { shape: () => literalOf(ACCESSES), event: ({ access }) => ({ 'closefds.access': access }) },
  atStart: {
    description: 'Strays: inherited when the process started, rather than opened since.',
    shape: () => flag,
  },
  opener: {
    description: 'Strays: the loaded package that is known to leave such a file open.',
    shape: () => objectOf({ package: text, version: text, source: text }),
    event: record => ({ 'closefds.opener': openerTitle(record) }),
  },
  route: { description: 'The function that was called: spawn, execSync, execve ...', shape: () => text },
  command: {
    description: 'The executable, as the call named it, without arguments, or [redacted].',
    shape: () => text,
    metric: ({ command }) => ({ 'closefds.command': command === undefined ? undefined : baseName(command) }),
  },
  caller: {
    description: 'Whose code called; missing if that is unknown.',
    shape: callerShape,
    metric: ({ caller }) => ({
      'closefds.caller.package': caller?.package,
      'closefds.caller.version': caller?.version,
    }),
    // As OpenTelemetry's semantic conventions name places in code.
    event: ({ caller }) => ({
      'code.file.path': shownPlace(caller ?? {}).file,
      'code.line.number': shownPlace(caller ?? {}).line,
      'code.column.number': shownPlace(caller ?? {}).column,
      'code.function.name': caller?.function,
    }),
  },
  rule: {
    shape: () => reference('rule', rule()),
    event: ({ rule }) => ({ 'closefds.rule': rule?.source }),
  },
  announcement: {
    description:
      'What gives the child this number, cut out of an argument or a variable: the name of the option or variable and the FD, as in --log-fd 3, NODE_CHANNEL_FD=3, MAKEFLAGS --jobserver-auth=3,4. Or [redacted].',
    shape: () => text,
  },
  candidate: {
    description: 'What the candidate policy would do.',
    shape: () =>
      objectOf({
        effect: reference('effect', effect()),
        disposition: reference('disposition', disposition()),
        rule: reference('rule', rule()),
      }),
  },
  used: {
    description:
      'What passed: whether a child used it. true (proved) and false only from an audit, which sees all that a child does; "likely" if the offset of its file moved, see offsetMoved.',
    shape: () => literalOf([true, 'likely', false, 'unknown']),
    event: ({ used }) => ({ 'closefds.used': used }),
  },
  offsetMoved: {
    description:
      'With used "likely": how the offset of the file moved. "synchronous": while a synchronous child had it; "designated", "inherited": while an asynchronous child had it, and the caller designated it, or the process inherited it at start. Any process that shares the open file may have moved it.',
    shape: () => literalOf(['synchronous', 'inherited', 'designated']),
  },
  exit: {
    description:
      'What was closed: how a child without it ended, on a line with count 0. The first failure among the first eight children has such a line, unless one succeeded before, and then the first success, with code 0. A child that was ended from outside counts for neither.',
    shape: () => objectOf({}, { code: wholeNumber(0), signal: text }),
    event: ({ exit }) => ({ 'process.exit.code': exit?.code }),
  },
  more: {
    description:
      'Strays: so many further FDs of each of these spawns, with the same opener and the same result, have no line of their own. Missing: none.',
    shape: () => wholeNumber(1),
  },
  native: {
    description: 'The process was made by native code, not by child_process.',
    shape: () =>
      objectOf(
        {
          thread: described(
            'Whether the calling thread runs JavaScript.',
            literalOf(['javascript', 'native']),
          ),
        },
        {
          object: described('The path of the addon or library that called, or [redacted].', text),
          pid: described('The process id of the child.', wholeNumber(1)),
          program: described('The first word of the text that a shell was given, or [redacted].', text),
          designated: described('FDs that the call gave to the child by itself.', listOf(fdNumber())),
        },
      ),
    event: ({ native }) => ({ 'closefds.native.object': native?.object }),
  },
  use: {
    description: 'What an audit saw of the FD, in the program that was given it and in those further down.',
    shape: () =>
      programUse({
        heirs: described(
          'The programs further down that had it: those that used it, or all of them if none did. Equal entries of one file are merged.',
          listOf(programUse()),
        ),
        held: described('Seconds that it stayed open in any of these programs.', duration),
        running: described('A program still had it open when the audit ended.', constant(true)),
      }),
  },
  what: {
    description: 'Findings about closefds itself: what happened.',
    shape: () => text,
    event: ({ what }) => ({ 'closefds.what': what }),
  },
  count: {
    description:
      'How many spawns this line stands for that no earlier line of its thread does; 0 where it only adds something (used, exit) to one.',
    shape: () => wholeNumber(0),
  },
  assumed: {
    description:
      'How many of the spawns in count were counted for this call site without looking at the stack: those of a command that had come from it a hundred times in a row. Missing: none.',
    shape: () => wholeNumber(0),
  },
};

function outerTitle(outer: RecordedPlace | undefined): string | undefined {
  if (outer?.package === APP) return 'the app';
  return outer?.version === undefined ? outer?.package : `${outer.package}@${outer.version}`;
}

function openerTitle({ opener }: ReportRecord): string | undefined {
  return opener && `${opener.package}@${opener.version}`;
}

// ---------------------------------------------------------------------------------------------
// Aggregate and show
// ---------------------------------------------------------------------------------------------

export type TallyValue = string | number | boolean;

/** What a report counts in each group of findings. */
export interface TallyDeclaration {
  /** On the page; one without a title is not in its list of details. */
  readonly title?: string;
  /** One value, or a list of them. Each line of a report calls all of these, so one value is in no list. */
  readonly values: (record: ReportRecord) => TallyValue | undefined | readonly (TallyValue | undefined)[];
  /** How many different values are kept; the rest are counted together. Default: 16. */
  readonly most?: number;
  /** Counts records, where the default is to count FDs. */
  readonly ofRecords?: true;
  /** Differs between the FDs that a record summarises in `more`; the record has that of the first. */
  readonly isOfOneFd?: true;
  /** Found by the page's search. */
  readonly isSearched?: true;
}

/** In the order of the page. */
export const TALLIES = {
  dispositions: { title: 'Outcome', values: ({ disposition }) => disposition },
  candidates: { title: 'Outcome by the candidate', values: ({ candidate }) => candidate?.disposition },
  targets: { title: 'Targets', values: ({ target }) => target, most: 4, isSearched: true, isOfOneFd: true },
  types: { title: 'Type', values: ({ type }) => type, isOfOneFd: true },
  accesses: { title: 'Access', values: ({ access }) => access, isOfOneFd: true },
  childFds: { title: 'FD in the child', values: ({ childFd }) => childFd, isOfOneFd: true },
  /** `name@version`. */
  openers: { title: 'Most likely opened by', values: record => openerTitle(record) },
  /** Strays: whether the process inherited them at its start. */
  atStart: { values: ({ atStart }) => atStart },
  commands: { title: 'Commands', values: ({ command }) => command },
  routes: { title: 'Functions called', values: ({ route }) => route },
  launchers: { title: 'Through', values: ({ caller }) => caller?.launchers ?? [], isSearched: true },
  /** The next package outwards, as `name@version`, or `the app`. */
  outerCallers: {
    title: 'Called by',
    values: ({ caller }) => outerTitle(caller?.calledBy?.[0]),
    isSearched: true,
  },
  announcements: {
    title: 'Announced by',
    values: ({ announcement }) => announcement,
    isSearched: true,
    isOfOneFd: true,
  },
  /** The sources of the rules that decided. */
  rules: { title: 'Decided by', values: ({ rule }) => rule?.source, isSearched: true },
  effects: { values: ({ effect }) => effect },
  verdicts: { title: 'Seen by audits', values: ({ use }) => use?.verdict, ofRecords: true },
  /** The programs that used the FD in an audit, with their versions. */
  users: { title: 'Used by', values: ({ use }) => usersOf(use) },
  offsetMoves: {
    title: 'Offset of the file moved',
    values: ({ offsetMoved }) => offsetMoved,
    ofRecords: true,
  },
  /** How children ended without the FD: `code 1`, `SIGSEGV`; `code 0` for each that succeeded after a failure. */
  exits: {
    title: 'Children ended with',
    values: ({ exit }) => exit && exitTitle(exit),
    ofRecords: true,
  },
  apps: { title: 'Apps', values: ({ app }) => app, isSearched: true },
  scripts: { title: 'Main scripts', values: ({ script }) => script, isSearched: true },
  hosts: { title: 'Hosts', values: ({ host }) => host, isSearched: true },
  modes: { title: 'Modes', values: ({ mode }) => mode },
  codes: { title: 'Codes', values: ({ code }) => code, isSearched: true },
} satisfies Readonly<Record<string, TallyDeclaration>>;

type ItemOf<T> = T extends readonly (infer Item)[] ? Item : T;

export type TallyName = keyof typeof TALLIES;

export type Tallies = {
  readonly [N in TallyName]: Tally<NonNullable<ItemOf<ReturnType<(typeof TALLIES)[N]['values']>>>>;
};

/** Those that are counted for the whole report, too. */
export const TOTALS = ['dispositions', 'modes', 'apps', 'hosts'] as const satisfies readonly TallyName[];
