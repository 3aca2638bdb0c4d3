// Announcements: arguments and environment variables that tell a child the number of an FD.
//
// An FD that was announced was very likely meant, so a finding about it says so.

import type { ChildFd, SpawnCall } from '../model/spawn-request';

interface Convention {
  /** Matched against each argument (with the next one appended) or each `NAME=value`. */
  readonly pattern: RegExp;
  /** The FDs the match tells of. */
  readonly fds: (match: RegExpMatchArray) => readonly number[];
}

const numbers = (...texts: (string | undefined)[]) => texts.filter(text => text !== undefined).map(Number);

const ENVIRONMENT: readonly Convention[] = [
  { pattern: /^NODE_CHANNEL_FD=(\d+)$/, fds: match => numbers(match[1]) },
  // GNU make: two FDs, or a named pipe that needs none (make 4.4).
  {
    pattern: /^MAKEFLAGS=.*--jobserver-(?:auth|fds)=(\d+),(\d+)/s,
    fds: match => numbers(match[1], match[2]),
  },
  // systemd: so many from 3 on. https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
  {
    pattern: /^LISTEN_FDS=(\d+)$/,
    fds: match => Array.from({ length: Math.min(Number(match[1]), 1024) }, (_, i) => 3 + i),
  },
  { pattern: /^[A-Z0-9_]*(?:_|^)(?:XTRACE)?FD=(\d+)$/, fds: match => numbers(match[1]) },
  { pattern: /^[^=]+=.*\/(?:dev|proc\/self)\/fd\/(\d+)/s, fds: match => numbers(match[1]) },
];

const ARGUMENTS: readonly Convention[] = [
  // Chromium reads commands on 3 and answers on 4; Firefox and WebKit as patched by Playwright too.
  { pattern: /^--?(?:remote-debugging-pipe|juggler-pipe|inspector-pipe)(?:=|\s|$)/, fds: () => [3, 4] },
  { pattern: /--jobserver-(?:auth|fds)=(\d+),(\d+)/, fds: match => numbers(match[1], match[2]) },
  // ffmpeg
  { pattern: /^pipe:(\d+)/, fds: match => numbers(match[1]) },
  // gpg --passphrase-fd 3, --status-fd=4, bwrap --args 5, ...
  { pattern: /^--?[\w-]*fds?(?:=|\s)(\d+)/i, fds: match => numbers(match[1]) },
  { pattern: /\/(?:dev|proc\/self)\/fd\/(\d+)/, fds: match => numbers(match[1]) },
];

/** All numbers that the arguments or the environment of a call name. */
export function announcedFds(call: Pick<SpawnCall, 'args' | 'environment'>): ReadonlySet<number> {
  const announced = new Set<number>();
  const note = (text: string, conventions: readonly Convention[]) => {
    for (const { pattern, fds } of conventions) {
      const match = text.match(pattern);
      if (match !== null) for (const fd of fds(match)) announced.add(fd);
    }
  };
  for (const [index, argument] of call.args.entries()) {
    note(argument, ARGUMENTS);
    if (argument.startsWith('-')) note(`${argument} ${call.args[index + 1] ?? ''}`, ARGUMENTS);
  }
  for (const pair of call.environment()) note(pair, ENVIRONMENT);
  return announced;
}

/** The argument or variable that names the crossing's number in the child, if one does. */
export function findAnnouncement(fd: ChildFd, call: SpawnCall): string | undefined {
  // A message channel's variable is written by Node itself, for whichever slot holds it.
  if (fd.kind === 'ipc') return `NODE_CHANNEL_FD=${fd.childFd}`;

  const announces = (text: string, conventions: readonly Convention[]) =>
    conventions.some(({ pattern, fds }) => {
      const match = text.match(pattern);
      return match !== null && fds(match).includes(fd.childFd);
    });

  for (const [index, argument] of call.args.entries()) {
    if (announces(argument, ARGUMENTS)) return argument;
    const pair = `${argument} ${call.args[index + 1] ?? ''}`;
    if (argument.startsWith('-') && announces(pair, ARGUMENTS)) return pair;
  }
  return call.environment().find(pair => announces(pair, ENVIRONMENT));
}
