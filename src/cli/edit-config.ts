// Adds rules to the user's config. Every other byte of it stays.

import fs from 'node:fs';
import path from 'node:path';
import { insertItems } from './json-edit';

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
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  const pointer = isKey ? ['closefds', 'rules'] : ['rules'];
  replaceFile(file, insertItems(text.trim() === '' ? '{}\n' : text, pointer, at, rules));
}

/** Writes through a symbolic link; a reader sees the old file or the new one. */
export function replaceFile(file: string, text: string): void {
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
