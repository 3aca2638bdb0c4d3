// Adds rules to the user's config. Everything else in it, and its indentation, stays.

import fs from 'node:fs';
import path from 'node:path';

const KEY = '#/closefds';

/**
 * Inserts rules at an index of the config's list; creates the config if it does not exist. Replaces the
 * file as a whole, so that a process that starts meanwhile reads the old one or the new one.
 *
 * `config` is a path, with `#/closefds` appended for the key of a package.json.
 */
export function insertRules(config: string, rules: readonly object[], at: number): void {
  const isKey = config.endsWith(KEY);
  const file = isKey ? config.slice(0, -KEY.length) : config;
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '{}\n';
  const json = JSON.parse(text.replace(/^\uFEFF/, '')) as Record<string, unknown>;
  const holder = (isKey ? json.closefds : json) as { rules?: object[] };
  const before = holder.rules ?? [];
  holder.rules = [...before.slice(0, at), ...rules, ...before.slice(at)];
  const ends = text.endsWith('\n') || text === '' ? '\n' : '';
  replace(file, JSON.stringify(json, null, indentOf(text)) + ends);
}

function indentOf(text: string): string {
  return /\n([ \t]+)"/.exec(text)?.[1] ?? '  ';
}

function replace(file: string, text: string): void {
  // Write through a symbolic link instead of replacing it.
  const target = fs.existsSync(file) ? fs.realpathSync(file) : path.resolve(file);
  const mode = fs.existsSync(target) ? fs.statSync(target).mode & 0o777 : 0o644;
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    fs.writeFileSync(temporary, text, { mode, flag: 'wx' });
    fs.renameSync(temporary, target);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}
