// The result of an audit, in sentences.

import { escapeControlChars } from '../base/sanitize';
import { file as fileTitle } from '../findings/message';
import { type RecordedCaller, type ReportRecord, toCallerAgain } from '../findings/record';
import { callerTitle, shownPlace } from '../model/caller';
import { OFFSET_MOVE_TEXTS, type OffsetMove, type ProgramUse, type Use } from '../model/fd-use';
import { mergeRecords } from './merge';

export interface Counts {
  readonly processes: number;
  readonly traced: number;
}

/** Each line ends in a line feed. */
export function toSummary(records: readonly ReportRecord[], { processes, traced }: Counts): string {
  const all = mergeRecords(
    records.map(record => ({ ...record, pid: 0, thread: 0 })),
    [],
  );
  const lines = [
    `closefds audit: ${count(processes, 'process')} ${processes === 1 ? 'was' : 'were'} given FDs beside stdio, ${traced} of them traced`,
    ...toSection('used', all, true),
    ...toSection('likely used, to review', all, 'likely'),
    ...toSection('not used', all, false),
    ...toSection('unknown', all, 'unknown'),
  ];
  return lines.map(line => `${escapeControlChars(line)}\n`).join('');
}

function toSection(title: string, records: readonly ReportRecord[], used: ReportRecord['used']): string[] {
  const own = records.filter(record => record.used === used).map(toSentence);
  return own.length === 0 ? [] : [`${title}:`, ...own.sort().map(line => `  ${line}`)];
}

function toSentence(record: ReportRecord): string {
  const { command, caller, use, offsetMoved, count: times } = record;
  const by = caller === undefined ? '' : `, ${startedBy(caller)}`;
  const often = times === 1 ? '' : ` (${times} times)`;
  return `${subject(record)} to "${command}"${by}: ${useTitle(use, offsetMoved)}${often}`;
}

function startedBy(recorded: RecordedCaller): string {
  const caller = toCallerAgain(recorded);
  const { file, line } = shownPlace(caller);
  const place = file === undefined ? '' : ` at ${file}${line === undefined ? '' : `:${line}`}`;
  return `started by ${callerTitle(caller)}${place}`;
}

function subject({ kind, childFd, target, type, access, opener }: ReportRecord): string {
  const word = kind === 'stray' ? 'stray' : 'designated';
  const what = {
    pipe: 'a new pipe',
    ipc: 'the message channel',
    fd: fileTitle({ target, type, access }),
    stray: fileTitle({ target, type, access }),
  }[kind ?? 'fd'];
  const by = opener === undefined ? '' : `, most likely of ${opener.package}@${opener.version}`;
  return `${word} FD ${childFd} (${what || 'an open FD'}${by})`;
}

function useTitle(use: Use | undefined, offsetMoved: OffsetMove | undefined): string {
  if (offsetMoved !== undefined) {
    const reason = use?.reason === undefined ? '' : `; not proved, since ${use.reason}`;
    return `${OFFSET_MOVE_TEXTS[offsetMoved]}${reason}`;
  }
  if (use === undefined) return 'unknown';
  if (use.verdict === 'unknown') return `unknown, since ${use.reason}`;
  const { heirs: laterPrograms = [], running, held } = use;
  const time = held === undefined ? '' : `, held for ${seconds(held)}${running ? ' and still open' : ''}`;
  if (use.verdict === 'inherited on')
    return `inherited on by ${laterPrograms.map(later => `${programTitle(later)} (${later.verdict})`).join(', ')}${time}`;
  const [by = use] = laterPrograms;
  const calls = use.calls === undefined ? '' : ` with ${use.calls.join(', ')}`;
  const when = use.after === undefined ? '' : ` after ${seconds(use.after)}`;
  return `${use.verdict} by ${programTitle(by)}${calls}${when}${use.verdict === 'used' ? '' : time}`;
}

function programTitle({ program, version }: ProgramUse): string {
  return [program ?? 'a program', version].filter(Boolean).join(' ');
}

function seconds(time: number): string {
  return `${time < 1 ? time.toFixed(3) : time.toFixed(1)} s`;
}

function count(number: number, word: string): string {
  return `${number} ${number === 1 ? word : `${word}es`}`;
}
