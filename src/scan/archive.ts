// The files in a package's tarball and in the zips that Yarn keeps packages in.
//
// Both need only Node's zlib. An entry is unpacked when it is read.

import zlib = require('node:zlib');

export interface ArchiveEntry {
  readonly name: string;
  readonly size: number;
  /** The archive ends in the middle of it. */
  readonly isCut?: boolean;
  /** Throws if the entry is broken. */
  readonly read: () => Buffer;
}

/** A larger archive is not a package. */
const LARGEST = 1024 ** 3;
const BLOCK = 512;

/** Regular files of a tarball, named as after installation: without the first folder. */
export function tarEntries(packed: Buffer): readonly ArchiveEntry[] {
  const archive = packed[0] === 0x1f ? zlib.gunzipSync(packed, { maxOutputLength: LARGEST }) : packed;
  const entries: ArchiveEntry[] = [];
  let longName: string | undefined;
  // An archive that is shorter than one header would be read as empty, without an error.
  if (archive.length < BLOCK) throw new Error('not a tar archive');
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.every(byte => byte === 0)) break;
    if (!isHeader(header)) throw new Error('not a tar archive');
    const size = Number.parseInt(text(header, 124, 136).trim(), 8) || 0;
    const body = archive.subarray(at + BLOCK, at + BLOCK + size);
    const type = text(header, 156, 157);
    // Long names, in pax's format and in GNU's.
    if (type === 'x') longName = /^\d+ path=(.*)$/m.exec(body.toString('utf8'))?.[1];
    else if (type === 'L') longName = body.toString('utf8').split('\0', 1)[0];
    else {
      const prefix = text(header, 257, 262) === 'ustar' ? text(header, 345, 500) : '';
      const short = text(header, 0, 100);
      const name = longName ?? (prefix === '' ? short : `${prefix}/${short}`);
      longName = undefined;
      if (type === '0' || type === '')
        entries.push({
          name: name.replace(/^\.?\/+/, '').replace(/^[^/]*\//, ''),
          size,
          isCut: body.length < size,
          read: () => body,
        });
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  // A later entry of the same name replaces an earlier one, as when it is unpacked.
  return [...new Map(entries.map(entry => [entry.name, entry])).values()];
}

function text(header: Buffer, from: number, to: number): string {
  return header.toString('utf8', from, to).split('\0', 1)[0] ?? '';
}

/** Checks the checksum of a header: the sum of its bytes, with spaces in place of the checksum. */
function isHeader(header: Buffer): boolean {
  const stated = Number.parseInt(text(header, 148, 156).trim(), 8);
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  return stated === sum;
}

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;

/** The files of a zip, from its central directory. */
export function zipEntries(archive: Buffer): readonly ArchiveEntry[] {
  const end = endOf(archive);
  const entries: ArchiveEntry[] = [];
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.readUInt32LE(at) !== CENTRAL) throw new Error('the directory of the zip is damaged');
    const method = archive.readUInt16LE(at + 10);
    const packedSize = archive.readUInt32LE(at + 20);
    const size = archive.readUInt32LE(at + 24);
    const nameLength = archive.readUInt16LE(at + 28);
    const local = archive.readUInt32LE(at + 42);
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    if (!name.endsWith('/'))
      entries.push({ name, size, read: () => unpack(archive, local, method, packedSize, size) });
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return entries;
}

function endOf(archive: Buffer): number {
  // A comment of at most 64 KiB may follow.
  for (let at = archive.length - 22; at >= Math.max(0, archive.length - 22 - 0xffff); at--)
    if (archive.readUInt32LE(at) === END) return at;
  throw new Error('not a zip archive');
}

function unpack(archive: Buffer, local: number, method: number, packedSize: number, size: number): Buffer {
  if (archive.readUInt32LE(local) !== LOCAL) throw new Error('an entry of the zip is damaged');
  const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const packed = archive.subarray(start, start + packedSize);
  if (method === 0) return packed;
  if (method !== 8) throw new Error(`the zip has an unknown compression method, ${method}`);
  return zlib.inflateRawSync(packed, { maxOutputLength: size + 1 });
}
