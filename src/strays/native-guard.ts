// The stray guard that the addon implements: finds and loads the addon, and translates its numbers.
//
// native/stray_guard.h has the contract of each function.

import fs = require('node:fs');
import path = require('node:path');

import type { DeepAddon, IdentifiedFd, ListedStray, Mechanism, SpawnMethod, StrayGuard } from './stray-guard';

// Captured at load, as all that runs at a call: programs replace functions.
const { apply } = Reflect;
const { write, toString: decode } = Buffer.prototype;
const toBuffer = Buffer.from as (bytes: ArrayBufferLike) => Buffer;
const toBigInt = BigInt;

interface Addon extends Partial<DeepAddon> {
  arm(): number;
  /** Returns the previous value. */
  guardByDefault(on: boolean): boolean;
  mark(beforeSpawn: boolean): number;
  begin(keep: BigUint64Array | undefined, untouched: Int32Array | undefined): number;
  beginDenial(deny: BigUint64Array | undefined): number;
  end(started: boolean): boolean;
  replace(keep: BigUint64Array | undefined): number;
  markFiles(files: BigUint64Array | undefined, marked: boolean): void;
  spawning(): number;
  placeholder(): number;
  putPlaceholder(fd: number): number;
  removePlaceholder(fd: number, before: number): void;
  list(forgetMarked: boolean): BigUint64Array;
}

const MECHANISMS: readonly Mechanism[] = ['nothing', 'close_range', 'table', 'proc'];
const SPAWN_METHODS: readonly SpawnMethod[] = ['unknown', 'fork', 'other'];

/** Throws if the addon is missing or does not load; the message lists the files that were tried. */
export function loadStrayGuard(packageRoot: string): StrayGuard {
  const addon = loadAddon(packageRoot);
  let way: Mechanism = 'nothing';

  return {
    arm(byDefault) {
      const errno = addon.arm();
      if (errno !== 0) throw new Error(`the atfork handlers could not be registered (errno ${errno})`);
      // Only once in a process: a later thread must not set close-on-exec on strays before they are listed and
      // reported. From here on, children that addons start do not get inherited FDs.
      if (byDefault && !addon.guardByDefault(true)) note(addon.mark(false));
    },
    list: marks => toStrays(addon.list(!marks)),
    mark: () => note(addon.mark(true)),
    begin: ({ guarded, keep, untouched, deny }) => {
      if (guarded) note(addon.begin(toWords(keep), toList(untouched)));
      else if (addon.beginDenial(toWords(deny)) !== 0)
        throw new Error('no memory for the list of denied FDs');
    },
    end: started => addon.end(started),
    replace({ guarded, keep, deny }) {
      if (guarded) note(addon.replace(toWords(keep)));
      else addon.markFiles(toWords(deny), true);
      return () => {
        if (!guarded) addon.markFiles(toWords(deny), false);
      };
    },
    way: () => way,
    spawning: () => SPAWN_METHODS[addon.spawning()] ?? 'unknown',
    placeholder() {
      const fd = addon.placeholder();
      if (fd < 0) throw new Error(`no placeholder could be opened (errno ${-fd})`);
      return fd;
    },
    coverHere(fds) {
      const before: number[] = [];
      for (let index = 0; index < fds.length; index++)
        before[index] = addon.putPlaceholder(fds[index] as number);
      return () => {
        for (let index = 0; index < fds.length; index++) {
          const old = before[index] as number;
          if (old >= 0) addon.removePlaceholder(fds[index] as number, old);
        }
      };
    },
    mustCover: false,
    deep: addon.deepArm === undefined ? undefined : (addon as DeepAddon),
  };

  function note(result: number): void {
    if (result < 0) throw new Error(`close-on-exec could not be set by any mechanism (errno ${-result})`);
    const now = MECHANISMS[result] ?? 'nothing';
    // Written only if it changed: the first write to a page after a fork copies the page.
    if (now !== way) way = now;
  }
}

/** glibc's build first, then musl's. The wrong build fails to load, which is faster than detecting the C library. */
const BUILDS = process.platform === 'linux' ? ['glibc', 'musl'] : ['system'];

function loadAddon(packageRoot: string): Addon {
  const folder = path.join(packageRoot, 'prebuilds', `${process.platform}-${process.arch}`);
  const failures: string[] = [];
  for (const build of BUILDS) {
    const file = path.join(folder, `closefds.${build}.node`);
    try {
      if (process.platform === 'linux') refuseCutOff(file);
      return load(file);
    } catch (error) {
      failures.push(`${file}: ${firstLine(error)}`);
    }
  }
  throw new Error(failures.join('; '));
}

/** Loads the file as require() does, without resolving the name and without an entry in require's cache. */
function load(file: string): Addon {
  const addon = { exports: {} as Addon };
  process.dlopen(addon, file);
  return addon.exports;
}

/**
 * Throws if the file is truncated (a full disk, an update in progress). The C library maps as many bytes as the
 * ELF header states, and reading beyond the end of the file ends the process by SIGBUS.
 */
function refuseCutOff(file: string): void {
  // As bytes: as text, the file would fill V8's young generation, and cost a garbage collection at start.
  const bytes = fs.readFileSync(file);
  if (bytes.toString('latin1', bytes.length - TRAILER.length) !== TRAILER) refuseShort(bytes);
}

/** The text that native/build.mjs appends to each addon. */
const TRAILER = '\nclosefds\n';

/**
 * Checks an addon without the trailer, which strip and patchelf remove. The section headers are the last part of
 * an ELF file, so their end is the expected length: elf(5).
 */
function refuseShort(bytes: Buffer): void {
  if (bytes.length < HEADER_SIZE) throw new Error(`expected a library, found ${bytes.length} bytes`);
  const expected = lengthOf(bytes);
  if (bytes.length < expected) throw new Error(`cut off: expected ${expected} bytes, found ${bytes.length}`);
}

const HEADER_SIZE = 64;

/** The expected length in bytes. Returns 0 for a file that is not ELF: dlopen() rejects it. */
function lengthOf(header: Buffer): number {
  if (header.toString('latin1', 0, 4) !== '\x7fELF') return 0;
  const is64 = header[4] === 2;
  const little = header[5] === 1;
  const half = (at: number) => (little ? header.readUInt16LE(at) : header.readUInt16BE(at));
  const word = (at: number) => (little ? header.readUInt32LE(at) : header.readUInt32BE(at));
  // An addon is smaller than 4 GiB, so the lower half of a 64-bit offset is enough.
  if (is64) return word(little ? 0x28 : 0x2c) + half(0x3a) * half(0x3c);
  return word(0x20) + half(0x2e) * half(0x30);
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? message;
}

function toList(fds: readonly number[]): Int32Array | undefined {
  if (fds.length === 0) return undefined;
  const list = new Int32Array(fds.length);
  for (let index = 0; index < fds.length; index++) list[index] = fds[index] as number;
  return list;
}

/**
 * The number of 64-bit words for one file: the FD, then its identity. In a list, `atStart` follows. A double
 * cannot represent all 64-bit values.
 */
const WORDS = 6;
const LIST_WORDS = WORDS + 1;

/** An identity is a string of its words' bytes: BigInts are slow to create and to compare. */
const WORD_BYTES = 8;

function toWords(files: readonly IdentifiedFd[]): BigUint64Array | undefined {
  if (files.length === 0) return undefined;
  const words = new BigUint64Array(files.length * WORDS);
  const bytes = toBuffer(words.buffer);
  for (let index = 0; index < files.length; index++) {
    const { fd, identity } = files[index] as IdentifiedFd;
    words[index * WORDS] = toBigInt(fd);
    apply(write as () => number, bytes, [identity, (index * WORDS + 1) * WORD_BYTES, 'latin1']);
  }
  return words;
}

function toStrays(listed: BigUint64Array): ListedStray[] {
  const strays: ListedStray[] = [];
  // The low halves of the words: a number of an FD fits, and a BigInt for each would be slow.
  const low = new Int32Array(listed.buffer);
  for (let at = 0; at < listed.length; at += LIST_WORDS)
    strays[strays.length] = new NativeStray(
      low[2 * at] as number,
      low[2 * (at + WORDS)] === 1,
      listed.buffer,
      at,
    );
  return strays;
}

/** Reads the identity when it is first asked for: of thousands of strays, few are kept or compared. */
class NativeStray implements ListedStray {
  readonly fd: number;
  readonly atStart: boolean;
  readonly #list: ArrayBufferLike;
  readonly #at: number;
  #identity: string | undefined;

  constructor(fd: number, atStart: boolean, list: ArrayBufferLike, at: number) {
    this.fd = fd;
    this.atStart = atStart;
    this.#list = list;
    this.#at = at;
  }

  get identity(): string {
    if (this.#identity === undefined) {
      const start = (this.#at + 1) * WORD_BYTES;
      const end = (this.#at + WORDS) * WORD_BYTES;
      this.#identity = apply(decode, toBuffer(this.#list), ['latin1', start, end]) as string;
    }
    return this.#identity;
  }
}
