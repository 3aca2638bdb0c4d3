// Reads one file: its sites, or why it could not be searched.

import buffer = require('node:buffer');
import crypto = require('node:crypto');
import fs = require('node:fs');
import path = require('node:path');

import { findLinkedSites, isWorthParsing, type SiteOptions } from './analysis/find-sites';
import type { Site } from './analysis/site';
import type { LoadModule } from './analysis/source/linked-modules';
import { type ArchiveEntry, tarEntries, zipEntries } from './archive';
import { addonImports } from './elf-imports';
import { type FileKind, fileKindOf, isPassedOver, whyUnread } from './walk';

export interface Job {
  readonly file: string;
  readonly kind: FileKind;
  readonly size: number;
}

/** The result for a file, or for a file in an archive: `a.zip/node_modules/x/index.js`. */
export interface FileResult {
  readonly file: string;
  readonly status: 'searched' | 'parsed' | 'unread' | 'manifest';
  readonly sites: readonly Site[];
  /** Why the file could not be searched. */
  readonly why?: string;
  /** The text of a package.json in an archive. */
  readonly manifest?: string;
  /** Identifies the content in the cache. */
  readonly key?: string;
}

export interface ReadOptions extends SiteOptions {
  readonly known: (key: string) => readonly Site[] | undefined;
}

/** Larger files are data, or need more memory than a scan should use. */
export const LARGEST_SOURCE = 32 * 1024 * 1024;
const LARGEST_ADDON = 512 * 1024 * 1024;
const LARGEST_SCRIPT = 1024 * 1024;

/** Never throws. */
export function readJob(job: Job, options: ReadOptions): readonly FileResult[] {
  try {
    return readAny(job, options);
  } catch (error) {
    return [unread(job.file, whyUnread(error))];
  }
}

function readAny({ file, kind, size }: Job, options: ReadOptions): readonly FileResult[] {
  if (kind === 'zip') return readEntries(file, zipEntries(fs.readFileSync(file)), options);
  if (kind === 'tarball') return readEntries(file, tarEntries(fs.readFileSync(file)), options);
  const tooLarge = limit(file, kind, size);
  if (tooLarge !== undefined) return tooLarge;
  if (kind === 'script' && !isNodeScript(firstBytes(file))) return [];
  const read = (name: string) => (fs.statSync(name).isFile() ? fs.readFileSync(name) : undefined);
  return [analyze(file, kind, fs.readFileSync(file), { ...options, load: loaderFor(file, read) })];
}

function readEntries(
  archive: string,
  entries: readonly ArchiveEntry[],
  options: ReadOptions,
): readonly FileResult[] {
  const byFile = new Map(entries.map(entry => [`${archive}/${entry.name}`, entry]));
  const read = (name: string) => byFile.get(name)?.read();
  return entries.flatMap(entry => {
    if (entry.isCut) return [unread(archive, `ends in the middle of ${entry.name}`)];
    return readEntry(archive, entry, { ...options, load: loaderFor(`${archive}/${entry.name}`, read) });
  });
}

const EXTENSIONS = ['', '.js', '.cjs', '.mjs', '.ts', '.cts', '.mts', '.tsx', '.jsx'];

/** Reads a module beside a file as Node and bundlers find it. */
function loaderFor(file: string, read: (name: string) => Buffer | undefined): LoadModule {
  return specifier => {
    const target = path.join(path.dirname(file), specifier);
    // TypeScript writes './x.js' for './x.ts'.
    const bases = [target, target.replace(/\.([cm]?)jsx?$/, '.$1ts'), path.join(target, 'index')];
    for (const name of bases.flatMap(base => EXTENSIONS.map(extension => base + extension)))
      if (fileKindOf(path.basename(name)) === 'source') {
        const text = decodeIfThere(name, read);
        if (text !== undefined) return { text, file: name };
      }
    return undefined;
  };
}

function decodeIfThere(name: string, read: (name: string) => Buffer | undefined): string | undefined {
  try {
    const bytes = read(name);
    return bytes && decode(bytes);
  } catch {
    return undefined;
  }
}

function readEntry(archive: string, entry: ArchiveEntry, options: ReadOptions): readonly FileResult[] {
  const kind = fileKindOf(path.posix.basename(entry.name));
  const file = `${archive}/${entry.name}`;
  if (kind === undefined || isPassedOver(path.posix.dirname(entry.name))) return [];
  try {
    const tooLarge = limit(file, kind, entry.size);
    if (tooLarge !== undefined) return tooLarge;
    const bytes = entry.read();
    if (kind === 'manifest')
      return [{ file, status: 'manifest', sites: [], manifest: bytes.toString('utf8') }];
    if (kind === 'script' && !isNodeScript(bytes)) return [];
    return [analyze(file, kind, bytes, options)];
  } catch (error) {
    return [unread(file, whyUnread(error))];
  }
}

function limit(file: string, kind: FileKind, size: number): readonly FileResult[] | undefined {
  if (kind === 'script') return size > LARGEST_SCRIPT ? [] : undefined;
  const largest = kind === 'addon' ? LARGEST_ADDON : LARGEST_SOURCE;
  if (size <= largest) return undefined;
  return [unread(file, `larger than ${largest / 1024 / 1024} MiB (${Math.round(size / 1024 / 1024)} MiB)`)];
}

function firstBytes(file: string): Buffer {
  const fd = fs.openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(128);
    return bytes.subarray(0, fs.readSync(fd, bytes));
  } finally {
    fs.closeSync(fd);
  }
}

function isNodeScript(bytes: Buffer): boolean {
  return /^#!.*\bnode\b/.test(bytes.toString('latin1', 0, 128));
}

function analyze(file: string, kind: FileKind, bytes: Buffer, options: ReadOptions): FileResult {
  if (kind === 'addon') return ofAddon(file, bytes);
  const text = decode(bytes);
  if (!isWorthParsing(text)) return { file, status: 'searched', sites: [] };

  const key = keyOf(file, bytes);
  const known = options.known(key);
  if (known !== undefined) return { file, status: 'parsed', sites: known, key };
  try {
    const { sites, isLinked } = findLinkedSites(text, file, options);
    // The key is of this file's content alone.
    return isLinked ? { file, status: 'parsed', sites } : { file, status: 'parsed', sites, key };
  } catch (error) {
    // NUL bytes alone prove nothing: bundles of WebAssembly have them in strings and can be parsed.
    return unread(file, bytes.includes(0) ? 'binary, not source text' : whyUnparsed(error as Error));
  }
}

/** Text that is not UTF-8 is read as Latin-1, in which every byte is a character. Node's words are ASCII. */
function decode(bytes: Buffer): string {
  return bytes.toString(buffer.isUtf8(bytes) ? 'utf8' : 'latin1').replace(/^\uFEFF/, '');
}

/** The content, and the file extension, which decides how to parse it. */
function keyOf(file: string, bytes: Buffer): string {
  const form = /\.(?:[cm]?ts|[jt]sx)$/.exec(file)?.[0] ?? '';
  return crypto.createHash('sha256').update(bytes).digest('base64url').slice(0, 32) + form;
}

function whyUnparsed(error: Error): string {
  if (error instanceof RangeError) return 'nested too deeply';
  return `not parsable: ${error.message.split('\n', 1)[0]}`;
}

function unread(file: string, why: string): FileResult {
  return { file, status: 'unread', sites: [], why };
}

function ofAddon(file: string, bytes: Buffer): FileResult {
  const imports = addonImports(bytes);
  // An addon for another system.
  if (imports === undefined) return { file, status: 'searched', sites: [] };
  const { starters, openers } = imports;
  const place = { line: 1, column: 1, lines: [1], snippetLine: 1, slots: [], more: true } as const;
  const sites: Site[] = [];
  if (starters.length > 0)
    sites.push({
      ...place,
      siteType: 'addon',
      confidence: 'possible',
      kinds: ['stray'],
      callee: starters.join(', '),
      reason: 'makes-processes',
      snippet: `imports ${starters.join(', ')}`,
    });
  if (openers.length > 0)
    sites.push({
      ...place,
      siteType: 'addon',
      confidence: 'possible',
      kinds: ['stray'],
      callee: openers.join(', '),
      reason: 'opens',
      snippet: `imports ${openers.join(', ')}`,
    });
  return { file, status: 'parsed', sites };
}
