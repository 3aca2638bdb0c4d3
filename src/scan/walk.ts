// The files of a tree that may contain code, each once.
//
// Links are followed as Node follows them: to packages, and within the tree. A folder is entered
// once, under its real path, so that loops end.

import fs = require('node:fs');
import path = require('node:path');

export type FileKind = 'source' | 'addon' | 'zip' | 'tarball' | 'manifest' | 'script';

export interface FoundFile {
  /** Its real path. */
  readonly file: string;
  readonly kind: FileKind;
  readonly size: number;
}

export interface UnreadFile {
  readonly file: string;
  readonly why: string;
}

export interface Walk {
  readonly problem: (problem: UnreadFile) => void;
  /** Links that lead out of the tree and are no packages. */
  readonly skippedLink: (link: string) => void;
}

const SOURCE = /\.(?:[cm]?[jt]s|[jt]sx)$/;
const DECLARATIONS = /\.d(?:\.[^.]+)?\.[cm]?ts$/;
/** Folders of version control and caches, from which nothing runs. */
const PASSED_OVER = new Set(['.git', '.hg', '.svn', '.jj', '.cache', '.nyc_output']);

/** Whether a folder in an archive is one that the walk does not enter. */
export function isPassedOver(folder: string): boolean {
  return folder.split('/').some(part => PASSED_OVER.has(part));
}

/** The kind of a file with code; undefined for others. Commands often have no extension. */
export function fileKindOf(name: string): FileKind | undefined {
  if (name === 'package.json') return 'manifest';
  if (SOURCE.test(name)) return DECLARATIONS.test(name) ? undefined : 'source';
  if (name.endsWith('.node')) return 'addon';
  return name.includes('.') ? undefined : 'script';
}

/** Real paths, sorted within each folder. */
export function* walk(root: string, { problem, skippedLink }: Walk): Generator<FoundFile> {
  const top = fs.realpathSync(root);
  const entered = new Set<string>();
  const open = [top];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (entered.has(folder)) continue;
    entered.add(folder);
    const entries = list(folder);
    const folders: string[] = [];
    for (const entry of entries) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!PASSED_OVER.has(entry.name)) folders.push(file);
      } else if (entry.isSymbolicLink()) {
        const target = follow(file);
        if (target !== undefined) folders.push(target);
      } else if (entry.isFile()) {
        const kind = /\.zip$/.test(entry.name) && isPackageZip(file) ? 'zip' : fileKindOf(entry.name);
        if (kind !== undefined) yield* found(file, kind);
      }
    }
    open.push(...folders.reverse());
    if (folder === top) for (const file of pnpZips(top)) yield* found(file, 'zip');
  }

  function list(folder: string): readonly fs.Dirent[] {
    try {
      return fs.readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      problem({ file: folder, why: whyUnread(error) });
      return [];
    }
  }

  function* found(file: string, kind: FileKind): Generator<FoundFile> {
    if (kind === 'zip') {
      if (entered.has(file)) return;
      entered.add(file);
    }
    try {
      yield { file, kind, size: fs.statSync(file).size };
    } catch (error) {
      problem({ file, why: whyUnread(error) });
    }
  }

  /** The target of a link, if it is a folder of the app. The walk meets a linked file at its real path. */
  function follow(link: string): string | undefined {
    let target: string;
    try {
      target = fs.realpathSync(link);
      if (!fs.statSync(target).isDirectory()) return undefined;
    } catch (error) {
      // Dangling links are common in node_modules/.bin.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') problem({ file: link, why: whyUnread(error) });
      return undefined;
    }
    if (isWithin(target, top)) return target;
    if (isInstalled(link) && fs.existsSync(path.join(target, 'package.json'))) return target;
    skippedLink(link);
    return undefined;
  }
}

export function isWithin(file: string, folder: string): boolean {
  return file === folder || file.startsWith(folder.endsWith(path.sep) ? folder : folder + path.sep);
}

/** `node_modules/<name>` or `node_modules/@<scope>/<name>`. */
function isInstalled(link: string): boolean {
  const parts = link.split(path.sep);
  return (
    parts.at(-2) === 'node_modules' ||
    (parts.at(-3) === 'node_modules' && parts.at(-2)?.startsWith('@') === true)
  );
}

/** Whether a zip is in Yarn's cache. Other zips are data. */
function isPackageZip(file: string): boolean {
  return path.basename(path.dirname(file)) === 'cache';
}

/** Yarn's zips may be in a cache that all projects share. Yarn's loader has the list. */
function pnpZips(root: string): readonly string[] {
  for (const name of ['.pnp.data.json', '.pnp.cjs']) {
    let text: string;
    try {
      text = fs.readFileSync(path.join(root, name), 'utf8');
    } catch {
      continue;
    }
    const zips = new Set<string>();
    for (const [, location = ''] of text.matchAll(/packageLocation\\?"\s*:\s*\\?"([^"\\]+?\.zip)\//g))
      zips.add(path.resolve(root, withoutVirtual(location)));
    if (zips.size > 0) return [...zips].filter(zip => fs.existsSync(zip)).sort();
  }
  return [];
}

/** `a/__virtual__/HASH/1/b` is `a/../b`. */
function withoutVirtual(location: string): string {
  return location.replace(/__virtual__\/[^/]+\/(\d+)\//, (_, depth) => '../'.repeat(Number(depth)));
}

export function whyUnread(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return 'may not be read';
    case 'ELOOP':
      return 'circular links';
    case 'ENOENT':
      return 'deleted during the scan';
    default:
      return message;
  }
}
