// The sentences of the scan. No other file of this folder has prose.

import { escapeControlChars } from '../base/sanitize';
import type { Reason, Site, SiteType } from './analysis/site';
import type { Place } from './location';

type Slots = Pick<Site, 'siteType' | 'kinds' | 'slots' | 'more'>;

export const REASONS: Readonly<Record<Reason, string>> = {
  'call-and-array': 'the call and the array are in this file',
  'own-channel': 'the function adds a message channel',
  said: 'withFds() designates these FDs',
  'opted-out': 'unsafe() passes every designated FD and every stray; no rule applies',
  'callers-options': 'the options come from the caller of this code, and may pass FDs',
  'own-function': 'it replaces a function of child_process with its own',
  'own-function-of-parameter':
    'it replaces functions of an object that its caller passes, and that looks like child_process',
  'open-slot': 'the slot is in this file; its value comes from elsewhere',
  handed: 'the array is passed to a function that may change it; the slots are unknown',
  grows: 'slots are added; their number is unknown',
  name: 'the array is called stdio; the call that gets it was not found',
  words: "the array has Node's words for slots; the call that gets it was not found",
  added: 'a slot is added to an array; the call that gets it was not found',
  used: "the code uses a child's stdio at this number, so the child is started with a pipe there",
  'open-rest': 'other code may add slots',
  'by-hand': 'the code creates a ChildProcess itself; what it passes is unknown',
  below: 'the binding can start processes without child_process',
  execve: 'the new program gets every FD that is not close-on-exec',
  'makes-processes':
    'the addon imports functions that start processes without child_process; each process gets every stray',
  opens: 'the addon imports functions that open FDs; whether they set close-on-exec is unknown',
  compat: 'the compat table lists it',
};

/** A description of each type of site, for SARIF's rules and the docs. */
export const SITE_TYPES: Readonly<Record<SiteType, string>> = {
  stdio: 'A process is started with more than stdin, stdout and stderr',
  use: "A child's stdio is used at a number above 2",
  explicit: 'withFds() designates FDs',
  unsafe: 'unsafe() passes every FD, without rules',
  launcher: 'The options of its own caller start a process',
  binding: "Node's internal binding starts processes",
  constructor: 'The code creates a ChildProcess itself',
  execve: 'Another program replaces the process, and strays stay open',
  patch: 'Functions of child_process are replaced',
  addon: 'A native addon may start processes or leave strays',
  known: 'The compat table lists that the package leaves strays or starts processes',
};

/** Why the place is listed, and how sure that is. */
export function reasonOf({ known, given, reason }: Pick<Place, 'known' | 'given' | 'reason'>): string {
  if (known !== undefined) return known;
  return given === undefined
    ? REASONS[reason]
    : `${REASONS[reason]}; the code's reason: "${escapeControlChars(given)}"`;
}

/** `pipe 3, 4`; `fd 3 and others`; `pipe, slot unknown`; `stray`. */
export function describeSlots({ siteType, kinds, slots, more }: Slots): string {
  if (siteType === 'unsafe') return 'every FD';
  if (siteType === 'launcher') return "its caller's";
  const what = kinds.length === 0 ? 'unknown' : kinds.join('/');
  if (kinds.length === 1 && kinds[0] === 'stray') return what;
  if (slots.length === 0) return more && kinds.length > 0 ? `${what}, slot unknown` : what;
  return `${what} ${slots.join(', ')}${more ? ' and others' : ''}`;
}

export function describePlace(place: Place): string {
  const { siteType, callee } = place;
  const because = reasonOf(place);
  const subject =
    place.package === '.' ? 'the app' : [place.package, place.version].filter(Boolean).join('@');
  switch (siteType) {
    case 'stdio':
      return `${subject} passes ${describeSlots(place)} to a child${callee ? ` by ${callee}()` : ''} (${place.confidence}: ${because})`;
    case 'explicit':
      return `${subject} designates ${describeSlots(place)} by withFds()`;
    case 'launcher':
      return `${subject} starts a process by ${callee}() with the options of its caller`;
    case 'unsafe':
      return `${subject} passes every FD to a child: ${because}`;
    case 'patch':
      return `${subject} replaces child_process's ${callee} (${place.confidence}: ${because})`;
    default:
      return `${SITE_TYPES[siteType]}: ${subject}${callee ? `, ${callee}` : ''} (${place.confidence}: ${because})`;
  }
}

export function coverage({ covered }: Place): string {
  if (covered === undefined) return 'no rule';
  const verb = { allow: 'allowed', warn: 'allowed and reported', deny: 'denied' }[covered.effect];
  return `${covered.isCertain ? '' : 'perhaps '}${verb} by ${covered.by}`;
}
