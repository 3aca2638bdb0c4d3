// The sentences of the scan. No other file of this folder has prose.

import type { Place } from './place';
import type { Reason, Site, SiteType } from './source/site';

export const REASONS: Readonly<Record<Reason, string>> = {
  'call-and-array': 'the call and what it passes are in this file',
  'own-channel': 'the function adds a message channel by itself',
  said: 'withFds() says so',
  'own-function': "it puts a function of its own in place of child_process's",
  'open-slot': 'the slot is there; what is in it comes from elsewhere',
  grows: 'slots are added; how many cannot be told',
  name: 'it stands under the name stdio; which call gets it is not seen',
  words: "it has Node's words for slots; which call gets it is not seen",
  added: 'a slot is added to an array; which call gets it is not seen',
  used: "a child's stdio is used at that number, so something starts it with a pipe there",
  'open-rest': 'slots may be added from elsewhere',
  'by-hand': 'a ChildProcess made by hand is started with whatever it is told',
  below: 'it can start processes below child_process',
  execve: "the program that takes this one's place gets every FD that is not close-on-exec",
  'makes-processes': 'the addon imports what makes processes, past child_process; each gets every stray',
  opens: 'the addon imports what opens FDs; whether it asks for close-on-exec is not seen',
  compat: 'the compat table says so',
};

/** A description of each type of site, for SARIF's rules and the docs. */
export const SITE_TYPES: Readonly<Record<SiteType, string>> = {
  stdio: 'A process is started with more than stdin, stdout and stderr',
  use: "A child's stdio is used at a number above 2",
  explicit: 'FDs are designated by withFds()',
  binding: "Node's internal binding is used to start processes",
  constructor: 'A ChildProcess is made by hand',
  execve: 'The process is replaced, and strays stay open',
  patch: 'Functions of child_process are replaced',
  addon: 'A native addon may make processes or leave strays',
  known: 'The compat table knows the package to leave strays, make processes or patch child_process',
};

/** `pipe 3, 4`; `fd 3 and others`; `pipe, slot unknown`; `stray`. */
export function describeSlots({ kinds, slots, more }: Pick<Site, 'kinds' | 'slots' | 'more'>): string {
  const what = kinds.length === 0 ? 'unknown' : kinds.join('/');
  if (kinds.length === 1 && kinds[0] === 'stray') return what;
  if (slots.length === 0) return more && kinds.length > 0 ? `${what}, slot unknown` : what;
  return `${what} ${slots.join(', ')}${more ? ' and others' : ''}`;
}

export function describePlace(place: Place): string {
  const { siteType, callee, reason, known } = place;
  const because = known ?? REASONS[reason];
  const subject =
    place.package === '.' ? 'the app' : [place.package, place.version].filter(Boolean).join('@');
  switch (siteType) {
    case 'stdio':
      return `${subject} passes ${describeSlots(place)} to a child${callee ? ` by ${callee}()` : ''} (${place.confidence}: ${because})`;
    case 'explicit':
      return `${subject} designates ${describeSlots(place)} by withFds()`;
    case 'patch':
      return `${subject} replaces child_process's ${callee}`;
    default:
      return `${SITE_TYPES[siteType]}: ${subject}${callee ? `, ${callee}` : ''} (${place.confidence}: ${because})`;
  }
}

export function coverage({ covered }: Place): string {
  if (covered === undefined) return 'no rule';
  const verb = { allow: 'allowed', warn: 'allowed and reported', deny: 'denied' }[covered.effect];
  return `${covered.isCertain ? '' : 'perhaps '}${verb} by ${covered.by}`;
}
