// A rule in words, for people who want to know what is decided and why.

import { DESIGNATED, type Effect, KINDS, type Rule } from './rule';

const KIND_WORDS = { fd: 'open FDs', pipe: 'new pipes', ipc: 'message channels', stray: 'stray FDs' };

const EFFECT_WORDS: Readonly<Record<Effect, string>> = {
  allow: 'pass',
  warn: 'pass and are reported',
  deny: 'are closed and reported',
};

/** `open FDs and new pipes at FD 3, to a command named "chrome*", pass`. */
export function ruleInWords(rule: Rule): string {
  const kinds = rule.kinds ?? DESIGNATED;
  const what = kinds.length === KINDS.length ? 'all other FDs' : and(kinds.map(kind => KIND_WORDS[kind]));
  return [`${what}${conditionsInWords(rule)}`, EFFECT_WORDS[rule.effect]].join(' ');
}

function conditionsInWords(rule: Rule): string {
  const { fds, command, callSite, target, type, access, explicit, nullDevice, expires } = rule;
  const at = fds && ` at FD ${or(fds.map(String))}`;
  const parts = [
    type !== undefined || access !== undefined
      ? [access && ACCESS_WORDS[access], type].filter(Boolean).join(' ')
      : undefined,
    target === undefined ? undefined : `to ${JSON.stringify(target)}`,
    nullDevice ? 'to the null device' : undefined,
    explicit ? 'designated by withFds()' : undefined,
    command === undefined ? undefined : `for the command ${JSON.stringify(command)}`,
    callSite === undefined ? undefined : `from ${JSON.stringify(callSite)}`,
    expires === undefined ? undefined : `until ${expires}`,
  ].filter(part => part !== undefined);
  return `${at ?? ''}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}`;
}

const ACCESS_WORDS = { read: 'read-only', write: 'write-only', both: 'read-write' };

function and(words: readonly string[]): string {
  return list(words, 'and');
}

function or(words: readonly string[]): string {
  return list(words, 'or');
}

function list(words: readonly string[], last: string): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
}
