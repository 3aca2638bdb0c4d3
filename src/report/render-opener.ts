// Renders the strays of one package as Markdown for its authors: what stays open, how to see it, how to mend it.

import { baseName } from '../base/base-name';
import { withoutVersion } from '../model/caller';
import type { FileType } from '../model/spawn-request';
import type { AssessedGroup } from './assess';
import { cell, codeSpan } from './render-markdown';
import type { Report } from './report';

/** undefined if no stray of the report was most likely opened by the package. */
export function toOpenerIssue(report: Report, name: string): string | undefined {
  const groups = report.byCaller.filter(
    ({ kind, openers }) =>
      kind === 'stray' && openers.values.some(({ value }) => withoutVersion(value) === name),
  );
  if (groups.length === 0) return undefined;
  return `${[
    `# ${codeSpan(name)} leaves files open in child processes`,
    `On Linux, ${codeSpan(name)} opens files without the close-on-exec flag. Every process that the program starts afterwards inherits them, with the same rights and the same file offset, and keeps them open for as long as it runs.`,
    tableOf(groups, name),
    'An FD does not record who opened it. closefds names a package that was loaded and is known to leave such files open.',
    `## How to reproduce\n\n${reproduction(name)}`,
    `## How to fix\n\n${fixes(groups)}`,
  ].join('\n\n')}\n`;
}

interface Row {
  readonly version: string;
  readonly file: string;
  readonly fds: Set<number>;
  readonly access: string;
  count: number;
}

function tableOf(groups: readonly AssessedGroup[], name: string): string {
  const rows = new Map<string, Row>();
  for (const group of groups) addRows(rows, group, name);
  const sorted = [...rows.values()].sort((a, b) => b.count - a.count);
  return [
    '| version | file | access | FD in the child | spawns |',
    '| ------- | ---- | ------ | --------------- | -----: |',
    ...sorted.map(
      ({ version, file, access, fds, count }) =>
        `| ${cell(version)} | ${cell(file)} | ${access} | ${fdsOf(fds)} | ${count.toLocaleString('en')} |`,
    ),
  ].join('\n');
}

function addRows(rows: Map<string, Row>, group: AssessedGroup, name: string): void {
  const file = fileName(group);
  const access = accessOf(group);
  for (const { value, count } of group.openers.values) {
    if (withoutVersion(value) !== name) continue;
    const version = value.slice(value.lastIndexOf('@') + 1);
    const key = JSON.stringify([version, file, access]);
    const row = rows.get(key) ?? { version, file, access, fds: new Set<number>(), count: 0 };
    rows.set(key, row);
    row.count += count;
    for (const { value } of group.childFds.values) row.fds.add(value);
  }
}

/** Without its folders: the text is for other people, and paths can be secret. */
function fileName({ target, types }: AssessedGroup): string {
  const type = types.values[0]?.value;
  if (target === undefined) return type ?? 'unknown';
  return target.startsWith('/') ? baseName(target) : target;
}

function accessOf({ accesses }: AssessedGroup): string {
  const names = { read: 'read', write: 'write', both: 'read and write' };
  return accesses.values.map(({ value }) => names[value]).join(', ') || 'unknown';
}

const MOST_FDS = 8;

function fdsOf(fds: ReadonlySet<number>): string {
  const sorted = [...fds].sort((a, b) => a - b);
  return sorted.slice(0, MOST_FDS).join(', ') + (sorted.length > MOST_FDS ? ' ...' : '');
}

/** The name comes from findings: as a JSON string it cannot leave the call, and a fence cannot be in it. */
function reproduction(name: string): string {
  const literal = JSON.stringify(name).replaceAll('`', '\\u0060');
  return [
    '```js',
    "const { spawnSync } = require('node:child_process');",
    `const used = require(${literal});`,
    '// Open a file here, as the tests of the package do.',
    "spawnSync('ls', ['-l', '/proc/self/fd'], { stdio: 'inherit' });",
    '```',
    '',
    'The child should list FDs 0, 1 and 2, and the folder that `ls` reads. It lists the files of the table, too.',
  ].join('\n');
}

const FIXES: Readonly<Record<FileType, string>> = {
  file: '`open(path, flags | O_CLOEXEC, mode)`, or `fopen(path, "re")`',
  pipe: '`pipe2(fds, O_CLOEXEC)` in place of `pipe(fds)`',
  socket: '`socket(domain, type | SOCK_CLOEXEC, protocol)`; `accept4(fd, address, length, SOCK_CLOEXEC)`',
  tty: '`open(path, flags | O_CLOEXEC)`; for a pseudoterminal, `posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)`',
  device: '`open(path, flags | O_CLOEXEC)`',
  other:
    '`eventfd(0, EFD_CLOEXEC)`, `epoll_create1(EPOLL_CLOEXEC)`, `inotify_init1(IN_CLOEXEC)`, `timerfd_create(clock, TFD_CLOEXEC)`',
};

function fixes(groups: readonly AssessedGroup[]): string {
  const seen = new Set(groups.flatMap(({ types }) => types.values.map(({ value }) => value)));
  const types = seen.size === 0 ? (['file'] as const) : [...seen].sort();
  return [
    'Set close-on-exec where the FD is made; `fcntl(fd, F_SETFD, FD_CLOEXEC)` afterwards leaves a gap in which another thread can fork.',
    '',
    ...types.map(type => `- ${type}: ${FIXES[type]}`),
  ].join('\n');
}
