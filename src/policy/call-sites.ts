// Looks for the files that a rule's call site names.

import fs = require('node:fs');
import path = require('node:path');

import { matchesGlob } from '../base/glob';
import { foldersOfPackage } from './installed-packages';

/** Larger folders are not searched to their end. */
const MOST_FILES = 50_000;

/** Whether a file of the caller fits the glob; undefined if that cannot be known here. */
export function hasCallSite(appRoot: string, caller: string | undefined, glob: string): boolean | undefined {
  const isLiteral = !/[*?]/.test(glob);
  if (path.isAbsolute(glob)) return isLiteral ? fs.existsSync(glob) : undefined;
  if (caller === undefined || caller === '*') return undefined;
  const roots = caller === '.' ? [appRoot] : foldersOfPackage(appRoot, caller);
  if (roots.length === 0) return undefined;
  if (isLiteral) return roots.some(root => fs.existsSync(path.join(root, glob)));
  const answers = roots.map(root => hasFile(root, glob));
  if (answers.includes(true)) return true;
  return answers.includes(undefined) ? undefined : false;
}

/** undefined if there are too many files. */
function hasFile(root: string, glob: string): boolean | undefined {
  let left = MOST_FILES;
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of entriesOf(folder)) {
      if (left-- === 0) return undefined;
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && entry.name !== '.git') folders.push(file);
      } else if (matchesGlob(path.relative(root, file), glob)) return true;
    }
  }
  return false;
}

function entriesOf(folder: string): fs.Dirent[] {
  try {
    return fs.readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
