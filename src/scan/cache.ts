// The sites of files that were scanned before, by their content. An unusable cache is ignored.

import crypto = require('node:crypto');
import fs = require('node:fs');
import os = require('node:os');
import path = require('node:path');

import type { Site } from './analysis/site';

export interface ScanCache {
  readonly known: ReadonlyMap<string, readonly Site[]>;
  /** Writes the sites of this scan and removes all others. */
  readonly save: (met: ReadonlyMap<string, readonly Site[]>) => void;
}

export const NO_CACHE: ScanCache = { known: new Map(), save: () => {} };

/** `edition` identifies the scanner and the launchers. A cache of another edition is ignored. */
export function openCache(root: string, edition: string, env: NodeJS.ProcessEnv): ScanCache {
  const file = fileFor(root, env);
  const known = read(file, edition);
  return { known, save };

  function save(met: ReadonlyMap<string, readonly Site[]>): void {
    if (met.size === known.size && [...met.keys()].every(key => known.has(key))) return;
    const unfinished = `${file}.${process.pid}`;
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(unfinished, JSON.stringify({ edition, sites: Object.fromEntries(met) }));
      fs.renameSync(unfinished, file);
    } catch {
      // A read-only tree or a full disk. The next scan reads everything again.
      remove(unfinished);
    }
  }
}

function remove(file: string): void {
  try {
    fs.unlinkSync(file);
  } catch {
    // The file was not created.
  }
}

/** In node_modules/.cache, as other tools do, where `npm ci` removes it; otherwise in the user's cache. */
function fileFor(root: string, env: NodeJS.ProcessEnv): string {
  const installed = path.join(root, 'node_modules');
  if (isWritableFolder(installed)) return path.join(installed, '.cache', 'closefds', 'scan.json');
  const home = env.XDG_CACHE_HOME || path.join(env.HOME || os.tmpdir(), '.cache');
  const name = crypto.createHash('sha256').update(root).digest('hex').slice(0, 16);
  return path.join(home, 'closefds', `scan-${name}.json`);
}

function isWritableFolder(folder: string): boolean {
  try {
    fs.accessSync(folder, fs.constants.W_OK);
    return fs.statSync(folder).isDirectory();
  } catch {
    return false;
  }
}

function read(file: string, edition: string): ReadonlyMap<string, readonly Site[]> {
  try {
    const json = JSON.parse(fs.readFileSync(file, 'utf8')) as {
      edition: string;
      sites: Record<string, Site[]>;
    };
    if (json.edition !== edition) return new Map();
    const entries = Object.entries(json.sites);
    return entries.every(([, sites]) => Array.isArray(sites) && sites.every(isSite))
      ? new Map(entries)
      : new Map();
  } catch {
    return new Map();
  }
}

function isSite(site: Site): boolean {
  return (
    typeof site.siteType === 'string' &&
    typeof site.confidence === 'string' &&
    typeof site.reason === 'string' &&
    typeof site.snippet === 'string' &&
    [site.line, site.column, site.snippetLine].every(Number.isInteger) &&
    [site.kinds, site.slots, site.lines].every(Array.isArray)
  );
}
