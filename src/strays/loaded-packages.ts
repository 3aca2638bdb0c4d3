// Finds the versions of a package that this process has loaded.
//
// Node has no list of packages, but the CommonJS loader's cache has every file that it loaded, and
// an addon always comes through it: an ES module gets one by createRequire() or process.dlopen().
// So a package written as ES modules shows by its addon, which often lies in a package of its own
// for the platform (`@lmdb/lmdb-linux-x64`) with the version of the package that it belongs to.

import fs = require('node:fs');
import nodeModule = require('node:module');

const { readFileSync } = fs;

/** Searches the whole cache, so it is for findings and not for spawns. Returns each version once. */
export function loadedVersions(name: string): string[] {
  const roots = new Set<string>();
  for (const file of loadedFiles()) {
    const root = rootIn(file, name);
    if (root !== undefined) roots.add(root);
  }
  return [...new Set([...roots].flatMap(versionOf))];
}

function loadedFiles(): string[] {
  const { _cache: cache } = nodeModule as unknown as { _cache?: object };
  return Object.keys(cache ?? {});
}

function rootIn(file: string, name: string): string | undefined {
  const own = `/node_modules/${name}/`;
  const at = file.lastIndexOf(own);
  if (at >= 0) return file.slice(0, at + own.length);
  const base = name.slice(name.lastIndexOf('/') + 1);
  const platform = `/${base}-${process.platform}-${process.arch}`;
  const from = file.lastIndexOf(platform);
  const end = file.indexOf('/', from + platform.length);
  return from < 0 || end < 0 || !file.includes('/node_modules/') ? undefined : file.slice(0, end + 1);
}

function versionOf(root: string): string[] {
  try {
    const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version?: unknown };
    return typeof version === 'string' ? [version] : [];
  } catch {
    // Bundled, or deleted since.
    return [];
  }
}
