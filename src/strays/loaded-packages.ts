// Finds the versions of a package that this process has loaded.
//
// Node has no list of loaded packages, but the cache of the CommonJS loader lists its files. ES modules load
// addons through the same loader, by createRequire(). So a package of ES modules is found by its addon. The
// addon is often in a package of its own for the platform (`@lmdb/lmdb-linux-x64`), with the same version.

import fs = require('node:fs');
import nodeModule = require('node:module');

import { baseName } from '../base/base-name';

const { readFileSync } = fs;

/** Returns each version once. Searches the whole cache: slow, so call it for findings and not for spawns. */
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
  const base = baseName(name);
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
    // The package is bundled, or its package.json was deleted: the version is unknown.
    return [];
  }
}
