// The stray guard that the addon implements: finds and loads the addon, and translates its numbers.
//
// native/stray_guard.h has the contract of each function.

import fs = require('node:fs');
import path = require('node:path');

import type { OpenFile, Stray } from '../model/spawn-request';
import type {
  DeepAddon,
  Describe,
  IdentifiedFd,
  KnownFile,
  Mechanism,
  SpawnMethod,
  StrayGuard,
} from './stray-guard';

// Captured at load, as all that runs at a call: programs replace functions.
const { apply } = Reflect;
const { write, toString: decode } = Buffer.prototype;
const toBuffer = Buffer.from as (bytes: ArrayBufferLike) => Buffer;
const compareBytes = Buffer.compare;
const List = Array;
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
  environmentChanged(): boolean;
  releaseSpareMemory(): void;
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
    list: createList(addon),
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
    hasEnvironmentChanged: () => addon.environmentChanged(),
    releaseSpareMemory: () => addon.releaseSpareMemory(),
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
  const folder = [packageRoot, 'prebuilds', `${process.platform}-${process.arch}`].join(path.sep);
  const failures: string[] = [];
  for (const build of BUILDS) {
    const file = `${folder}${path.sep}closefds.${build}.node`;
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

/** The number of 64-bit words for one file: the FD, then its identity. */
const WORDS = 6;

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

/** A listed stray is one word more: `atStart`. They are read as halves, since BigInts are slow; the low one is first. */
const LISTED_HALVES = 2 * (WORDS + 1);
const FORMAT = 2 * 3;
const FLAGS = FORMAT + 1;
/** The high half of ACCESS_UNKNOWN in native/file_identity.h. */
const ACCESS_UNKNOWN = -0x80000000;
const DEVICE_MINOR = 2 * 4;
const DEVICE_MAJOR = DEVICE_MINOR + 1;
const AT_START = 2 * WORDS;

/** What the addon has listed, and how the strays in it are described. */
interface StrayList {
  readonly halves: Int32Array;
  readonly describe: Describe;
}

function createList(addon: Addon): StrayGuard['list'] {
  let list: { readonly halves: Int32Array } = { halves: new Int32Array(0) };
  let strays: NativeStray[] = [];

  return (marks, describe) => {
    const listed = { halves: new Int32Array(addon.list(!marks).buffer), describe };
    if (compareBytes(toBuffer(listed.halves.buffer), toBuffer(list.halves.buffer)) !== 0) {
      strays = toStrays(listed);
      list = listed;
    }
    return strays;
  };

  /** Both lists are sorted by number. */
  function toStrays(listed: StrayList): NativeStray[] {
    const { halves } = listed;
    // Of its final length: growing it step by step would take three times the memory.
    const now: NativeStray[] = new List(halves.length / LISTED_HALVES);
    let index = 0;
    for (let at = 0; at < halves.length; at += LISTED_HALVES) {
      const fd = halves[at] as number;
      while (index < strays.length && (strays[index]?.fd ?? 0) < fd) index++;
      const known = strays[index];
      const isKnown = known !== undefined && isSame(list.halves, index * LISTED_HALVES, halves, at);
      now[at / LISTED_HALVES] = isKnown ? known.in(listed, at) : new NativeStray(listed, at);
    }
    return now;
  }
}

function isSame(some: Int32Array, someAt: number, others: Int32Array, othersAt: number): boolean {
  for (let half = 0; half < LISTED_HALVES; half++)
    if (some[someAt + half] !== others[othersAt + half]) return false;
  return true;
}

/** Small, since thousands of them are made at once. What is rarely asked for is read from the list. */
class NativeStray implements Stray, KnownFile {
  readonly fd: number;
  #list: StrayList;
  #at: number;
  #file: OpenFile | undefined;

  constructor(list: StrayList, at: number) {
    this.fd = list.halves[at] as number;
    this.#list = list;
    this.#at = at;
  }

  /** The same stray in a later list, so that the earlier one can be freed. */
  in(list: StrayList, at: number): this {
    this.#list = list;
    this.#at = at;
    return this;
  }

  get atStart(): boolean {
    return this.#half(AT_START) === 1;
  }

  get identity(): string {
    const start = (this.#at / 2 + 1) * WORD_BYTES;
    const end = (this.#at / 2 + WORDS) * WORD_BYTES;
    return apply(decode, toBuffer(this.#list.halves.buffer), ['latin1', start, end]) as string;
  }

  get file(): OpenFile {
    this.#file ??= this.#list.describe(this.fd, this);
    return this.#file;
  }

  get format(): number {
    return this.#half(FORMAT);
  }

  get flags(): number | undefined {
    const flags = this.#half(FLAGS);
    return flags === ACCESS_UNKNOWN ? undefined : flags;
  }

  get deviceMajor(): number {
    return this.#half(DEVICE_MAJOR);
  }

  get deviceMinor(): number {
    return this.#half(DEVICE_MINOR);
  }

  #half(half: number): number {
    return this.#list.halves[this.#at + half] as number;
  }
}
