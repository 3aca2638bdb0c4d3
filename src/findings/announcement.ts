// Announcements: arguments and environment variables that give a child the number of an FD.
//
// An announced FD was very likely meant, so a finding about it says so. Arguments and variables also hold
// secrets, so an announcement is cut out of its text: the name of the option or variable, and the FD.

import { baseName } from '../base/base-name';
import type { ChildFd, SpawnCall } from '../model/spawn-request';
import { hasFdSign, hasFdSignInValue } from './fd-sign';

/** What can name an FD. */
export type AnnouncingCall = Pick<SpawnCall, 'command' | 'args' | 'environment'>;

interface Announcement {
  /** `--log-fd 3`, `NODE_CHANNEL_FD=3`, `MAKEFLAGS --jobserver-auth=3,4`. */
  readonly text: string;
  readonly fds: readonly number[];
}

/** All numbers from 3 on that the arguments or the environment of a call name. */
export function announcedFds(call: AnnouncingCall): ReadonlySet<number> {
  return new Set(announcements(call).flatMap(({ fds }) => fds));
}

/** What names the FD's number in the child, if anything does. */
export function findAnnouncement(fd: ChildFd, call: AnnouncingCall): string | undefined {
  // A message channel's variable is written by Node itself, for whichever slot holds it.
  if (fd.kind === 'ipc') return `NODE_CHANNEL_FD=${fd.childFd}`;
  return announcements(call).find(({ fds }) => fds.includes(fd.childFd))?.text;
}

/** What was found in the texts of a call. */
interface Search {
  readonly args: readonly string[];
  readonly environment: readonly string[];
  readonly found: readonly Announcement[];
}

interface Memory {
  /** The last call that was asked about: each of its FDs asks. */
  last: { readonly call: AnnouncingCall; readonly found: readonly Announcement[] } | undefined;
  /** Of each command: most calls of a program have the texts of its last one. */
  readonly searches: Map<string, Search>;
}

/** Texts may be secrets, so they are kept no longer than any garbage. */
let memory: WeakRef<Memory> | undefined;
/** Bounds what is remembered, for programs that generate commands. */
const MOST_SEARCHES = 20;

function announcements(call: AnnouncingCall): readonly Announcement[] {
  const known = remembered();
  if (known.last?.call !== call) known.last = { call, found: searchOnce(call, known.searches) };
  return known.last.found;
}

function remembered(): Memory {
  let known = memory?.deref();
  if (known === undefined) {
    known = { last: undefined, searches: new Map() };
    memory = new WeakRef(known);
  }
  return known;
}

function searchOnce(
  { command, args, environment: read }: AnnouncingCall,
  searches: Map<string, Search>,
): readonly Announcement[] {
  const environment = read();
  const before = searches.get(command);
  if (before !== undefined && isSame(before.environment, environment) && isSame(before.args, args))
    return before.found;
  if (searches.size >= MOST_SEARCHES) searches.clear();
  const found = searchAnnouncements(command, args, environment);
  searches.set(command, { args, environment, found });
  return found;
}

/** Allocates nothing: after a fork, new memory is a page fault. */
function isSame(some: readonly string[], others: readonly string[]): boolean {
  if (some === others) return true;
  if (some.length !== others.length) return false;
  for (let index = 0; index < some.length; index++) if (some[index] !== others[index]) return false;
  return true;
}

/** The one list that both go by. Most texts end at a quick test. */
function searchAnnouncements(
  command: string,
  args: readonly string[],
  environment: readonly string[],
): Announcement[] {
  const shellText = shellTextIndex(command, args);
  return [
    ...(shellText === undefined ? inArguments(command, args) : inShellCall(command, args, shellText)),
    ...environment.filter(hasFdSign).flatMap(inVariable),
  ];
}

// ---------------------------------------------------------------------------------------------
// Numbers
// ---------------------------------------------------------------------------------------------

const NUMBER = '\\d{1,7}';
const NUMBERS = new RegExp(`^${NUMBER}(?:,${NUMBER}){0,15}$`);

/** The FDs in what a pattern captured; 0, 1 and 2 are stdio. */
function toFds(captured: readonly (string | undefined)[]): number[] {
  return captured
    .flatMap(text => text?.match(/\d+/g) ?? [])
    .map(Number)
    .filter(fd => fd > 2);
}

/** So many from 3 on. */
function firstFds(count: string): number[] {
  return Array.from({ length: Math.min(Number(count), 1024) }, (_, index) => 3 + index);
}

function matchesOf(text: string, patterns: readonly RegExp[]): Announcement[] {
  return patterns.flatMap(pattern =>
    [...text.matchAll(pattern)].map(match => {
      const [whole, ...captured] = match;
      return { text: whole, fds: toFds(captured) };
    }),
  );
}

// ---------------------------------------------------------------------------------------------
// Any text
// ---------------------------------------------------------------------------------------------

/** Each match is the announcement, and what it captures are the FDs. */
const ANYWHERE: readonly RegExp[] = [
  new RegExp(`(?<![\\w.-])/(?:dev|proc/(?:thread-)?self)/fd/(${NUMBER})(?![\\w.-])`, 'g'),
  new RegExp(`(?<![\\w.-])php://fd/(${NUMBER})(?![\\w.-])`, 'g'),
  // GNU make: two FDs, or a named pipe that needs none (make 4.4).
  new RegExp(`--jobserver-(?:auth|fds)=(${NUMBER}),(${NUMBER})(?!\\w)`, 'g'),
];

// ---------------------------------------------------------------------------------------------
// Environment
// ---------------------------------------------------------------------------------------------

const VARIABLE = new RegExp(`^(\\w{1,100})=(${NUMBER})$`);
/** BASH_XTRACEFD, LOG_FD. A variable like MAX_FD holds a limit. */
const FD_NAME = /^(?:[A-Z0-9_]*_)?(?:XTRACE)?FD$/;
const COUNT_WORDS = /(?:^|[-_])(?:max|min|limit|num|number|count|total|nr|n|soft|hard)(?:[-_]|$|fd)/i;
/** Git writes a trace to an FD of one digit; 1 is stderr. https://git-scm.com/docs/git#_environment_variables */
const GIT_TRACE =
  /^GIT_TRACE(?:_(?:PACKET|PERFORMANCE|SETUP|CURL|FSMONITOR|PACK_ACCESS|PACKFILE|REFS|SHALLOW)|2(?:_EVENT|_PERF)?)?$/;

function inVariable(pair: string): Announcement[] {
  const [, name = '', value = ''] = VARIABLE.exec(pair) ?? [];
  // systemd. https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
  if (name === 'LISTEN_FDS') return [{ text: pair, fds: firstFds(value) }];
  if (namesFd(name, value)) return [{ text: pair, fds: toFds([value]) }];
  // CLOSEFDS_MODE, and each other name with FD in it.
  return hasFdSignInValue(pair) ? inValue(pair) : [];
}

function namesFd(name: string, value: string): boolean {
  if (GIT_TRACE.test(name)) return value.length === 1;
  return name === 'WAYLAND_SOCKET' || (FD_NAME.test(name) && !COUNT_WORDS.test(name));
}

function inValue(pair: string): Announcement[] {
  const [start, name] = /^(\w{1,100})=/.exec(pair) ?? [];
  return matchesOf(pair, ANYWHERE).map(({ text, fds }) => {
    if (start === undefined) return { text, fds };
    return { text: pair === start + text ? pair : `${name} ${text}`, fds };
  });
}

// ---------------------------------------------------------------------------------------------
// Arguments
// ---------------------------------------------------------------------------------------------

const WORD_SIGNS = /fd|pipe:|--jobserver-/i;

const IN_WORDS: readonly RegExp[] = [
  ...ANYWHERE,
  // ffmpeg: pipe:3, cache:pipe:3
  new RegExp(`(?<=^(?:[a-z]\\w{0,20}:)?)pipe:(${NUMBER})$`, 'g'),
  // openssl: -pass fd:3; ImageMagick: png:fd:3; socat: FD:3,... Not the end of a MAC or an IPv6 address.
  new RegExp(`(?<=^(?:--[a-z-]{1,40}=)?(?:[a-z]\\w{0,20}:)?)fd:(${NUMBER})(?=$|[[,])`, 'gi'),
  // qemu: tap,id=net0,fd=3; fds=3:4; vhostfd=5
  new RegExp(`(?<=^|,)(?:vhost)?fds?=(${NUMBER}(?::${NUMBER}){0,15})(?=$|,)`, 'g'),
];

/** Chromium reads commands on 3 and answers on 4; Firefox and WebKit as patched by Playwright too. */
const TWO_PIPES = /^--?(?:remote-debugging-pipe|juggler-pipe|inspector-pipe)$/;
/** gpg --status-fd. With one dash only known words: `-p` may have a password right behind it. */
const FD_OPTION =
  /^(?:--[\w-]{0,60}fds?|-(?:(?:auth|control|display|error|event|init|listen|log|notify|pid|ready|socket|status|sync)-?)?fds?)$/i;
/** dbus-daemon, cardano-node. */
const OTHER_FD_OPTION = /^--(?:print-address|print-pid|shutdown-ipc)$/;
/** Beside those that end in "fd". */
const BWRAP_OPTION = /^--(?:args|bind-data|file|pidns|ro-bind-data|seccomp|userns2?)$/;

function inArguments(command: string, words: readonly string[]): Announcement[] {
  let isBwrap = baseName(command) === 'bwrap';
  return words.flatMap((word, index) => {
    isBwrap ||= baseName(word) === 'bwrap';
    const option = word.startsWith('-') ? inOption(word, words[index + 1], isBwrap) : undefined;
    if (option !== undefined) return [option];
    return WORD_SIGNS.test(word) ? matchesOf(word, IN_WORDS) : [];
  });
}

/** `--log-fd=3`, or `--log-fd` with `3` as the next word. */
function inOption(word: string, next: string | undefined, isBwrap: boolean): Announcement | undefined {
  const equals = word.indexOf('=');
  const name = equals === -1 ? word : word.slice(0, equals);
  if (TWO_PIPES.test(name)) return { text: name, fds: [3, 4] };
  const value = equals === -1 ? (next ?? '') : word.slice(equals + 1);
  if (!NUMBERS.test(value) || !takesFd(name, isBwrap)) return undefined;
  // podman, runc: so many from 3 on.
  const fds = name === '--preserve-fds' ? firstFds(value) : toFds([value]);
  return { text: equals === -1 ? `${name} ${value}` : word, fds };
}

function takesFd(name: string, isBwrap: boolean): boolean {
  if (FD_OPTION.test(name)) return !COUNT_WORDS.test(name);
  return OTHER_FD_OPTION.test(name) || (isBwrap && BWRAP_OPTION.test(name));
}

// ---------------------------------------------------------------------------------------------
// Shells
// ---------------------------------------------------------------------------------------------

const SHELL = /^-?(?:a|ba|da|fi|k|mk|z)?sh$/;
const SHELL_SIGNS = /[<>]&|fd|pipe|-jobserver-|--print-|--shutdown-ipc|bwrap|GIT_TRACE|WAYLAND_SOCKET/i;
const REDIRECTION = new RegExp(`[<>]&[ \\t]*(${NUMBER})(?=-?(?:$|[\\s;|&()<>"'\`}]))`, 'g');
/** `3<file`, `3>&1`, but not `3>&-`, which closes. */
const OPENING = new RegExp(`(?<![\\w$.&-])(${NUMBER})[<>](?!&-)`, 'g');
const BETWEEN_WORDS = /[\s;|&()<>"'`]+/;

/** Of the text behind `-c`, where a shell comes before it. */
function shellTextIndex(command: string, args: readonly string[]): number | undefined {
  const flag = args.findIndex(word => word.startsWith('-') && /^-[a-z]{0,8}c$/i.test(word));
  if (flag === -1 || args[flag + 1] === undefined) return undefined;
  return [command, ...args.slice(0, flag)].some(word => SHELL.test(baseName(word))) ? flag + 1 : undefined;
}

function inShellCall(command: string, args: readonly string[], index: number): Announcement[] {
  const others = args.filter((_, at) => at !== index);
  return [...inArguments(command, others), ...inShellText(args[index] ?? '')];
}

function inShellText(text: string): Announcement[] {
  if (!SHELL_SIGNS.test(text)) return [];
  const words = text.split(BETWEEN_WORDS);
  const all = [
    ...matchesOf(text, [REDIRECTION]),
    ...inArguments('', words),
    ...words.filter(word => /^\w+=/.test(word) && hasFdSign(word)).flatMap(inVariable),
  ];
  // What the text itself opens is not what the shell inherits.
  const opened = new Set([...text.matchAll(OPENING)].map(([, fd]) => Number(fd)));
  return all.map(found => ({ ...found, fds: found.fds.filter(fd => !opened.has(fd)) }));
}
