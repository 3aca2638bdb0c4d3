// The scan: a tree or a tarball in, places out. This file is the story.
//
//   walk -> read (worker threads, cache) -> whose is it -> what the compat table knows -> is it covered

import crypto = require('node:crypto');
import fs = require('node:fs');
import path = require('node:path');

import { APP } from '../core/caller';
import type { Policy } from '../core/policy';
import { matchesRange } from '../core/range';
import { NO_CACHE, openCache } from './cache';
import { cover } from './cover';
import { createPackages, type Owner } from './packages';
import type { Place } from './place';
import { readAll } from './pool';
import type { Job, Outcome } from './read-file';
import { CONFIDENCES, type Site } from './source/site';
import { isWithin, type Problem, walk } from './walk';

export interface ScanOptions {
  /** Folders, and packages' tarballs. */
  readonly roots: readonly string[];
  readonly policy: Policy;
  readonly table: KnownPackages;
  readonly useCache: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly progress?: (files: number) => void;
}

/** What the compat table knows of packages beside what they pass. */
export interface KnownPackages {
  readonly launchers: ReadonlySet<string>;
  readonly strays: readonly KnownEntry[];
  readonly starts: readonly KnownEntry[];
}

const OWN = 'closefds';

interface KnownEntry {
  readonly package: string;
  readonly range: string;
  readonly source: string;
  readonly purpose?: string;
  readonly target?: string;
}

export interface ScanResult {
  readonly places: readonly Place[];
  readonly counts: {
    readonly packages: number;
    readonly files: number;
    readonly parsed: number;
    readonly fromCache: number;
  };
  /** What could not be searched, and why. */
  readonly problems: readonly Problem[];
  /** Which of the roots are among that. */
  readonly unread: readonly { readonly root: string; readonly why: string }[];
  /** Links out of the tree that lead to no package. */
  readonly skippedLinks: readonly string[];
}

/** `bundle`: the file that the worker threads load, see index.ts. */
export async function scanRoots(options: ScanOptions, bundle: string): Promise<ScanResult> {
  const { roots, policy, table, env } = options;
  const tops = roots.map(root => fs.realpathSync(root));
  const tarballs = new Set(tops.filter(top => !fs.statSync(top).isDirectory()));
  const packages = createPackages(root => tarballs.has(root));
  const cache = options.useCache ? openCache(tops[0] ?? '', editionOf(bundle, table), env) : NO_CACHE;

  const problems: Problem[] = [];
  const skippedLinks: string[] = [];
  const owners = new Map<string, Owner>();
  const met = new Map<string, readonly Site[]>();
  /** Whose they are is told afterwards: in an archive, the package.json may come last. */
  const found: { file: string; site: Site & { readonly known?: string } }[] = [];
  const counts = { files: 0, parsed: 0, fromCache: 0 };

  await readAll(jobs(), bundle, {
    launchers: [...table.launchers],
    known: cache.known,
    outcome: take,
    progress: () => options.progress?.(counts.files),
  });
  cache.save(met);
  for (const { root } of owners.values())
    for (const site of knownOf(packages.ownerOf(path.join(root, 'package.json'), rootOf(root)), table))
      found.push({ file: path.join(root, 'package.json'), site });

  return {
    places: withoutBuilds(
      found
        .filter(({ file }) => !isOwn(file))
        .map(({ file, site }) => toPlace(file, site))
        .sort(inOrder),
    ),
    counts: { packages: owners.size, ...counts },
    problems: problems.map(({ file, why }) => ({ file: shown(file), why })).sort(byFile),
    unread: roots.flatMap((root, index) =>
      problems.filter(({ file }) => file === tops[index]).map(({ why }) => ({ root, why })),
    ),
    skippedLinks: skippedLinks.map(shown).sort(),
  };

  function* jobs(): Generator<Job> {
    for (const top of tops) {
      if (tarballs.has(top)) yield { file: top, kind: 'tarball', size: fs.statSync(top).size };
      else {
        own(path.join(top, 'package.json'));
        const found = walk(top, {
          problem: problem => problems.push(problem),
          skippedLink: link => skippedLinks.push(link),
        });
        for (const job of found)
          if (job.kind === 'manifest') own(job.file);
          else yield job;
      }
    }
  }

  function take({ file, status, sites, why, manifest, key }: Outcome): void {
    if (status === 'manifest') {
      packages.addManifest(file, manifest ?? '');
      own(file);
      return;
    }
    counts.files++;
    if (status === 'named') problems.push({ file, why: why ?? '' });
    if (status === 'parsed') counts.parsed++;
    if (key !== undefined) {
      if (cache.known.has(key)) counts.fromCache++;
      met.set(key, sites);
    }
    for (const site of sites) found.push({ file, site });
  }

  function own(manifest: string): void {
    const root = rootOf(manifest);
    const owner = packages.ownerOf(manifest, root);
    // A package.json deeper in a package only marks a folder.
    if (path.dirname(manifest) === owner.root) owners.set(owner.root, owner);
  }

  /** closefds where it is installed. Nobody has to decide about what it does, and a gate in CI must not stop at it. */
  function isOwn(file: string): boolean {
    const root = rootOf(file);
    const owner = packages.ownerOf(file, root);
    return owner.name === OWN && owner.declaredName === undefined && owner.root !== root;
  }

  function rootOf(file: string): string {
    return tops.find(top => isWithin(file, top)) ?? tops[0] ?? file;
  }

  function toPlace(file: string, site: Site & { readonly known?: string }): Place {
    const owner = packages.ownerOf(file, rootOf(file));
    const place = {
      package: owner.name,
      version: owner.version,
      declaredName: owner.declaredName,
      file: shown(file),
      fileInPackage: path.relative(owner.root, file).split(path.sep).join('/'),
      ...site,
    };
    return { ...place, covered: cover(place, policy) };
  }

  function shown(file: string): string {
    const top = rootOf(file);
    if (tarballs.has(top)) return path.join(path.basename(top), path.relative(top, file));
    return isWithin(file, top) && tops.length === 1 ? path.relative(top, file) : file;
  }
}

/** What no file shows: strays that an addon leaves, processes that it makes, patches that are known. */
function knownOf({ name, declaredName, version }: Owner, table: KnownPackages): (Site & { known: string })[] {
  const place = {
    line: 1,
    column: 1,
    lines: [1],
    snippetLine: 1,
    slots: [],
    more: true,
    confidence: 'certain',
    reason: 'compat',
  } as const;
  const ofThis = (entry: KnownEntry) =>
    entry.package === (declaredName ?? name) && matchesRange(version, entry.range);
  const site = (known: string) => ({
    ...place,
    siteType: 'known' as const,
    kinds: ['stray' as const],
    known,
    snippet: known,
  });
  return [
    ...table.strays
      .filter(ofThis)
      .map(({ target, purpose, source }) =>
        site(`it leaves ${target} open in each child (${purpose}; ${source})`),
      ),
    ...table.starts
      .filter(ofThis)
      .map(({ source }) => site(`its addon makes processes, past child_process (${source})`)),
  ];
}

/** An addon has a build for each system: one place for all that do the same. */
function withoutBuilds(places: readonly Place[]): Place[] {
  const addons = new Map<string, Place>();
  return places.filter(place => {
    if (place.siteType !== 'addon') return true;
    const key = [place.package, place.version, place.reason, place.callee].join(' ');
    if (addons.has(key)) return false;
    addons.set(key, place);
    return true;
  });
}

/** By package, the app first; then by file and line. */
function inOrder(a: Place, b: Place): number {
  return (
    compare(rank(a), rank(b)) ||
    compare(a.version ?? '', b.version ?? '') ||
    compare(a.file, b.file) ||
    a.line - b.line ||
    a.column - b.column ||
    CONFIDENCES.indexOf(a.confidence) - CONFIDENCES.indexOf(b.confidence)
  );
}

function rank(place: Place): string {
  return place.package === APP ? '' : place.package;
}

function byFile(a: Problem, b: Problem): number {
  return compare(a.file, b.file);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** The scanner and what it was told: another one may find other sites in the same text. */
function editionOf(bundle: string, { launchers }: KnownPackages): string {
  const hash = crypto.createHash('sha256').update(fs.readFileSync(bundle));
  return hash.update([...launchers].sort().join()).digest('base64url');
}
