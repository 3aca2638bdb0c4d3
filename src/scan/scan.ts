// The scan: folders or tarballs in, places out. This file lists the steps.
//
//   walk -> read (worker threads, cache) -> owner -> what the compat table knows -> coverage by rules

import crypto = require('node:crypto');
import fs = require('node:fs');
import path = require('node:path');

import { APP } from '../model/caller';
import type { Policy } from '../policy/rule';
import { CONFIDENCES, type Site } from './analysis/site';
import type { FileResult, Job } from './analyze-file';
import { NO_CACHE, openCache, type ScanCache } from './cache';
import { type KnownPackages, type KnownSite, knownSitesOf } from './known-packages';
import type { Place } from './location';
import { cover } from './match-policy';
import { createPackageOwners, type PackageOwner, type PackageOwners } from './package-owner';
import { Roots } from './roots';
import { type UnreadFile, walk } from './walk';
import { readAll } from './worker-pool';

export interface ScanOptions {
  /** Folders, and packages' tarballs. */
  readonly roots: readonly string[];
  readonly policy: Policy;
  readonly table: KnownPackages;
  readonly useCache: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly progress?: (files: number) => void;
}

export interface ScanResult {
  readonly places: readonly Place[];
  readonly counts: {
    readonly packages: number;
    readonly files: number;
    readonly parsed: number;
    readonly fromCache: number;
  };
  /** Files that could not be searched, and why. */
  readonly problems: readonly UnreadFile[];
  /** The roots among them. */
  readonly unread: readonly { readonly root: string; readonly why: string }[];
  /** Links out of the tree that lead to no package. */
  readonly skippedLinks: readonly string[];
}

const OWN_PACKAGE = 'closefds';

/** `bundle`: the file that the worker threads load, see index.ts. */
export async function scanRoots(options: ScanOptions, bundle: string): Promise<ScanResult> {
  const { policy, table, env } = options;
  const roots = new Roots(options.roots);
  const edition = editionOf(bundle, table);
  const cache = options.useCache ? openCache(roots.paths[0] ?? '', edition, env) : NO_CACHE;
  const collected = new Collected(roots, cache);

  await readAll(collected.jobs(), bundle, {
    launchers: [...table.launchers],
    known: cache.known,
    result: result => collected.add(result),
    progress: () => options.progress?.(collected.counts.files),
  });
  cache.save(collected.byKey);
  collected.addPackages();
  collected.addKnown(table);

  return {
    places: withoutOtherBuilds(collected.places(policy).sort(inOrder)),
    counts: { packages: collected.owners.size, ...collected.counts },
    problems: collected.problems.map(({ file, why }) => ({ file: roots.shown(file), why })).sort(byFile),
    unread: options.roots.flatMap((root, index) =>
      collected.problems.filter(({ file }) => file === roots.paths[index]).map(({ why }) => ({ root, why })),
    ),
    skippedLinks: collected.skippedLinks.map(link => roots.shown(link)).sort(),
  };
}

/** Everything that the walk and the worker threads find. */
class Collected {
  readonly counts = { files: 0, parsed: 0, fromCache: 0 };
  readonly problems: UnreadFile[] = [];
  readonly skippedLinks: string[] = [];
  readonly owners = new Map<string, PackageOwner>();
  /** The sites of each file's content, for the cache. */
  readonly byKey = new Map<string, readonly Site[]>();
  /** Owners are looked up at the end: the package.json may be the last file of an archive. */
  private readonly found: { readonly file: string; readonly site: Site | KnownSite }[] = [];
  private readonly manifests: string[] = [];
  private readonly packages: PackageOwners;

  constructor(
    private readonly roots: Roots,
    private readonly cache: ScanCache,
  ) {
    this.packages = createPackageOwners(root => roots.isTarball(root));
  }

  *jobs(): Generator<Job> {
    for (const root of this.roots.paths)
      if (this.roots.isTarball(root)) yield { file: root, kind: 'tarball', size: fs.statSync(root).size };
      else yield* this.jobsIn(root);
  }

  private *jobsIn(root: string): Generator<Job> {
    this.manifests.push(path.join(root, 'package.json'));
    const files = walk(root, {
      problem: problem => this.problems.push(problem),
      skippedLink: link => this.skippedLinks.push(link),
    });
    for (const job of files)
      if (job.kind === 'manifest') this.manifests.push(job.file);
      else yield job;
  }

  add({ file, status, sites, why, manifest, key }: FileResult): void {
    if (status === 'manifest') {
      this.packages.addManifest(file, manifest ?? '');
      this.manifests.push(file);
      return;
    }
    this.counts.files++;
    if (status === 'unread') this.problems.push({ file, why: why ?? '' });
    if (status === 'parsed') this.counts.parsed++;
    if (key !== undefined) {
      if (this.cache.known.has(key)) this.counts.fromCache++;
      this.byKey.set(key, sites);
    }
    for (const site of sites) this.found.push({ file, site });
  }

  addKnown(table: KnownPackages): void {
    for (const { root } of this.owners.values()) {
      const file = path.join(root, 'package.json');
      for (const site of knownSitesOf(this.ownerOf(file), table)) this.found.push({ file, site });
    }
  }

  places(policy: Policy): Place[] {
    return this.found
      .filter(({ file }) => !this.isOwn(file))
      .map(({ file, site }) => this.toPlace(file, site, policy));
  }

  private ownerOf(file: string): PackageOwner {
    return this.packages.ownerOf(file, this.roots.of(file));
  }

  /** Call this when all manifests are known: an archive may have a nested one before that of its root. */
  addPackages(): void {
    for (const manifest of this.manifests) {
      const owner = this.ownerOf(manifest);
      // A package.json in a folder of a package only sets the module format of that folder.
      if (path.dirname(manifest) === owner.root) this.owners.set(owner.root, owner);
    }
  }

  /** Whether a file is of an installed closefds. Its places need no decision, and must not fail CI. */
  private isOwn(file: string): boolean {
    const { name, declaredName, root } = this.ownerOf(file);
    return name === OWN_PACKAGE && declaredName === undefined && root !== this.roots.of(file);
  }

  private toPlace(file: string, site: Site | KnownSite, policy: Policy): Place {
    const owner = this.ownerOf(file);
    const place = {
      package: owner.name,
      version: owner.version,
      declaredName: owner.declaredName,
      file: this.roots.shown(file),
      fileInPackage: path.relative(owner.root, file).split(path.sep).join('/'),
      ...site,
    };
    return { ...place, covered: cover(place, policy) };
  }
}

/** Keeps one place for all builds of an addon that do the same: there is a build for each system. */
function withoutOtherBuilds(places: readonly Place[]): Place[] {
  const addons = new Set<string>();
  return places.filter(place => {
    if (place.siteType !== 'addon') return true;
    const key = [place.package, place.version, place.reason, place.callee].join(' ');
    const isFirst = !addons.has(key);
    addons.add(key);
    return isFirst;
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

function byFile(a: UnreadFile, b: UnreadFile): number {
  return compare(a.file, b.file);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** Identifies the scanner and its options: another one may find other sites in the same text. */
function editionOf(bundle: string, { launchers }: KnownPackages): string {
  const hash = crypto.createHash('sha256').update(fs.readFileSync(bundle));
  return hash.update([...launchers].sort().join()).digest('base64url');
}
