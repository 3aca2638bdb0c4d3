// Lines of report files, for tests of what reads them.

import type { ReportRecord } from '../../src/findings/record';

type Given = Partial<ReportRecord> | Readonly<Record<string, unknown>>;

/** A closed stray of the app, or what is given in place of that. */
export function line(given: Given = {}): string {
  const record = {
    closefds: 1,
    time: '2026-11-24T03:11:38.123Z',
    pid: 123,
    thread: 0,
    mode: 'enforce',
    code: 'CLOSEFDS_STRAY',
    effect: 'deny',
    disposition: 'closed',
    kind: 'stray',
    childFd: 20,
    target: '/data/LOCK',
    route: 'spawn',
    command: 'sh',
    caller: { package: '.', file: '/app/server.js', line: 3, column: 5 },
    count: 1,
    ...given,
  };
  return `${JSON.stringify(record)}\n`;
}

/** What an audit adds to a record if it saw a child use the FD. */
export const USED = { used: true, use: { verdict: 'used' } } as const;
