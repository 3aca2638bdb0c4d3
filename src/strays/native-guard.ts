// The stray guard of the addon.
//
// native/stray_guard.h has the contract. This file finds the addon and gives names to its numbers.

import fs = require('node:fs');
import path = require('node:path');

import type { IdentifiedFd, ListedStray, Mechanism, SpawnMethod, StrayGuard } from './stray-guard';

interface Addon {
  arm(): number;
  /** Returns the earlier value. */
  guardByDefault(on: boolean): boolean;
  mark(): number;
  begin(keep: BigUint64Array | undefined, untouched: Int32Array | undefined): number;
  end(started: boolean): void;
  replace(keep: BigUint64Array | undefined): number;
  spawning(): number;
  placeholder(): number;
  putPlaceholder(fd: number): number;
  removePlaceholder(fd: number, before: number): void;
  list(forgetMarked: boolean): BigUint64Array;
}

const MECHANISMS: readonly Mechanism[] = ['nothing', 'close_range', 'table', 'proc'];
const SPAWN_METHODS: readonly SpawnMethod[] = ['unknown', 'fork', 'other'];

/** Throws if the addon is missing or does not load; the message says what was tried. */
export function loadStrayGuard(packageRoot: string): StrayGuard {
  const addon = loadAddon(packageRoot);
  let way: Mechanism = 'nothing';

  return {
    arm(byDefault) {
      const errno = addon.arm();
      if (errno !== 0) throw new Error(`the atfork handlers could not be registered (errno ${errno})`);
      // Once for the process: what another thread opened since must still be found and reported.
      // From now on children that addons start by themselves get nothing that was inherited.
      if (byDefault && !addon.guardByDefault(true)) note(addon.mark());
    },
    list: marks => toStrays(addon.list(!marks)),
    mark: () => note(addon.mark()),
    begin: ({ keep, untouched }) => note(addon.begin(toWords(keep), toList(untouched))),
    end: started => addon.end(started),
    replace: ({ keep }) => note(addon.replace(toWords(keep))),
    way: () => way,
    spawning: () => SPAWN_METHODS[addon.spawning()] ?? 'unknown',
    placeholder() {
      const fd = addon.placeholder();
      if (fd < 0) throw new Error(`no placeholder could be opened (errno ${-fd})`);
      return fd;
    },
    coverHere(fds) {
      const covered = fds.map(fd => ({ fd, before: addon.putPlaceholder(fd) }));
      return () => {
        for (const { fd, before } of covered) if (before >= 0) addon.removePlaceholder(fd, before);
      };
    },
    mustCover: false,
  };

  function note(result: number): void {
    if (result < 0) throw new Error(`no way of marking FDs works here (errno ${-result})`);
    const now = MECHANISMS[result] ?? 'nothing';
    // Mostly the same value: memory that is not written costs no page fault after a fork.
    if (now !== way) way = now;
  }
}

/** glibc's build first, then musl's: the wrong one fails to load, which is faster than detecting the C library. */
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

/** As require() does, without its lookup and its cache. */
function load(file: string): Addon {
  const addon = { exports: {} as Addon };
  process.dlopen(addon, file);
  return addon.exports;
}

/**
 * The C library maps what the ELF header describes. Reading beyond the end of a shorter file (a disk ran
 * full, an update is under way) ends the process by SIGBUS.
 */
function refuseCutOff(file: string): void {
  // Read as a whole, with the function that Node's loader has just used: that is the fastest at start.
  if (!fs.readFileSync(file, 'utf8').endsWith(TRAILER)) refuseShort(file);
}

/** scripts/build/addon.mjs appends this to the linker's output. */
const TRAILER = '\nclosefds\n';

/**
 * For an addon that was stripped or patched later. The section headers are at its end, so they give the
 * length that the file should have: elf(5).
 */
function refuseShort(file: string): void {
  const bytes = fs.readFileSync(file);
  if (bytes.length < HEADER_SIZE) throw new Error(`expected a library, found ${bytes.length} bytes`);
  const expected = lengthOf(bytes);
  if (bytes.length < expected) throw new Error(`cut off: expected ${expected} bytes, found ${bytes.length}`);
}

const HEADER_SIZE = 64;

/** 0 for a file that is not ELF; dlopen() reports that. */
function lengthOf(header: Buffer): number {
  if (header.toString('latin1', 0, 4) !== '\x7fELF') return 0;
  const is64 = header[4] === 2;
  const little = header[5] === 1;
  const half = (at: number) => (little ? header.readUInt16LE(at) : header.readUInt16BE(at));
  const word = (at: number) => (little ? header.readUInt32LE(at) : header.readUInt32BE(at));
  // No library has four gigabytes, so the lower half of a 64-bit offset is all of it.
  if (is64) return word(little ? 0x28 : 0x2c) + half(0x3a) * half(0x3c);
  return word(0x20) + half(0x2e) * half(0x30);
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? message;
}

function toList(fds: readonly number[]): Int32Array | undefined {
  return fds.length === 0 ? undefined : Int32Array.from(fds);
}

/** 64 bits each, since a double would lose some: the FD, the words of its identity and, in a list, `atStart`. */
const WORDS = 6;
const LIST_WORDS = WORDS + 1;

function toWords(files: readonly IdentifiedFd[]): BigUint64Array | undefined {
  if (files.length === 0) return undefined;
  const words = new BigUint64Array(files.length * WORDS);
  files.forEach(({ fd, identity }, index) => {
    words.set([BigInt(fd), ...identity.split(':').map(BigInt)], index * WORDS);
  });
  return words;
}

function toStrays(listed: BigUint64Array): ListedStray[] {
  const strays: ListedStray[] = [];
  for (let at = 0; at < listed.length; at += LIST_WORDS) {
    strays.push({
      fd: Number(listed[at]),
      atStart: listed[at + WORDS] === 1n,
      identity: listed.subarray(at + 1, at + WORDS).join(':'),
    });
  }
  return strays;
}
