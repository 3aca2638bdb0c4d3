// closefds doctor --pid: looks at a running process from outside, by /proc.

import fs from 'node:fs';
import path from 'node:path';
import { escapeControlChars } from '../base/sanitize';
import { file as fileTitle } from '../findings/message';
import type { FileType } from '../model/spawn-request';
import { VARIABLE_PREFIX } from '../policy/variables';
import { accessOf, openFlagsIn } from '../strays/fd-info';
import { UsageError } from './usage-error';

export interface ProcessReport {
  readonly pid: number;
  /** The path of the executable. Arguments may be secret. */
  readonly program: string;
  readonly folder: string;
  /** The addon that the process has mapped. */
  readonly addon: string | null;
  /** What asks for the preload: NODE_OPTIONS, the arguments of Node. */
  readonly askedBy: readonly string[];
  /** CLOSEFDS_* as the process was started with them. */
  readonly variables: Readonly<Record<string, string>>;
  /** What the next child would get, were it not for closefds. */
  readonly strays: readonly { readonly fd: number; readonly title: string }[];
}

/** Throws UsageError if there is no such process, or this user may not look at it. */
export function lookAtProcess(text: string): ProcessReport {
  const pid = Number(text);
  if (!/^[1-9]\d*$/.test(text))
    throw new UsageError(`expected a process number after --pid, found "${text}"`);
  if (process.platform !== 'linux')
    throw new UsageError(`expected Linux for --pid, found ${process.platform}: there is no /proc to look at`);
  try {
    return look(pid, `/proc/${pid}`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH')
      throw new UsageError(`expected a running process after --pid, found none with the number ${pid}`);
    if (code === 'EACCES' || code === 'EPERM')
      throw new UsageError(
        `process ${pid} belongs to another user: run doctor as that user or as root (${message})`,
      );
    throw error;
  }
}

function look(pid: number, folder: string): ProcessReport {
  const words = wordsOf(path.join(folder, 'cmdline'));
  const variables = new Map(wordsOf(path.join(folder, 'environ')).map(word => splitAt(word, '=')));
  const [, addon = null] =
    /(\/\S.*closefds\.\w+\.node)(?: \(deleted\))?$/m.exec(
      fs.readFileSync(path.join(folder, 'maps'), 'utf8'),
    ) ?? [];
  const nodeOptions = variables.get('NODE_OPTIONS') ?? '';
  return {
    pid,
    program: fs.readlinkSync(path.join(folder, 'exe')),
    folder: fs.readlinkSync(path.join(folder, 'cwd')),
    addon,
    askedBy: [
      ...(isPreload(nodeOptions) ? ['NODE_OPTIONS'] : []),
      ...words.flatMap((word, index) => preloadIn(word, words[index - 1])),
    ],
    variables: Object.fromEntries(
      [...variables].filter(([name, value]) => name.startsWith(VARIABLE_PREFIX) && value !== ''),
    ),
    strays: straysOf(folder),
  };
}

/** The arguments and the environment are texts that end in NUL: proc(5). */
function wordsOf(file: string): string[] {
  return fs
    .readFileSync(file, 'utf8')
    .split('\0')
    .filter(word => word !== '');
}

function splitAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function isPreload(text: string): boolean {
  return /closefds\S*register|dist[\\/]register[\\/](?:index|warn|strict)\.js/.test(text);
}

const FLAG = /^(?:-r|--require|--import)$/;

function preloadIn(word: string, before = ''): string[] {
  if (!isPreload(word)) return [];
  if (FLAG.test(before)) return [`${before} ${word}`];
  return FLAG.test(word.split('=')[0] ?? '') ? [word] : [];
}

// ---------------------------------------------------------------------------------------------
// Strays
// ---------------------------------------------------------------------------------------------

/** The values on Linux: fs.constants has neither. */
const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;

function straysOf(folder: string): ProcessReport['strays'] {
  const fds = fs.readdirSync(path.join(folder, 'fd')).map(Number);
  return fds
    .filter(fd => fd > 2)
    .sort((a, b) => a - b)
    .flatMap(fd => {
      try {
        const title = strayTitle(folder, fd);
        return title === undefined ? [] : [{ fd, title }];
      } catch {
        // The process closed it after the folder was read.
        return [];
      }
    });
}

/** undefined for an FD that is closed at exec, and for a placeholder. */
function strayTitle(folder: string, fd: number): string | undefined {
  const info = fs.readFileSync(path.join(folder, 'fdinfo', String(fd)), 'latin1');
  const flags = openFlagsIn(info) ?? 0;
  if ((flags & (O_CLOEXEC | O_PATH)) !== 0) return undefined;
  const link = path.join(folder, 'fd', String(fd));
  return fileTitle({ target: fs.readlinkSync(link), type: typeOf(link), access: accessOf(flags) });
}

/** The link leads to the open file itself, also to one without a path: proc_pid_fd(5). */
function typeOf(link: string): FileType | undefined {
  const stat = fs.statSync(link, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (stat.isFile()) return 'file';
  if (stat.isFIFO()) return 'pipe';
  if (stat.isSocket()) return 'socket';
  return stat.isCharacterDevice() || stat.isBlockDevice() ? 'device' : 'other';
}

// ---------------------------------------------------------------------------------------------
// As text
// ---------------------------------------------------------------------------------------------

export function processText({
  pid,
  program,
  folder,
  addon,
  askedBy,
  variables,
  strays,
}: ProcessReport): string {
  const lines = [
    `Process ${pid}`,
    line('program', program),
    line('folder', folder),
    line('closefds', loadedTitle(addon, askedBy)),
    ...askedBy.map(text => line('asked for by', text)),
    ...Object.entries(variables).map(([name, value]) => line('variable', `${name}=${value}`)),
    '',
    'Strays now: open, and not close-on-exec',
    ...(strays.length === 0 ? ['  none'] : strays.map(({ fd, title }) => `  FD ${fd} (${title})`)),
    ...(strays.length > 0 && addon !== null
      ? ['  In enforce and strict, closefds sets close-on-exec on them in each child.']
      : []),
  ];
  return `${lines.map(escapeControlChars).join('\n')}\n`;
}

function loadedTitle(addon: string | null, askedBy: readonly string[]): string {
  if (addon !== null) return `loaded (${addon})`;
  if (askedBy.length === 0) return 'not loaded';
  return 'not loaded, though asked for: mode off, the fallback guard (no addon), or no program of Node';
}

function line(name: string, value: string): string {
  return `  ${name.padEnd(14)} ${value}`;
}
