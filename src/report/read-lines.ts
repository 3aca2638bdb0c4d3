// Lines of a file or of stdin, of any length, in bounded memory. Rotated files are often compressed.

import type { Readable } from 'node:stream';
import { pipeline, Readable as ReadableStream } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** Of a longer line only the end is looked at: a record may be glued to it. */
export const LONGEST_LINE = 2 ** 20;

const LINE_FEED = 10;

export interface LineHandlers {
  readonly onLine: (line: string, isTooLong: boolean) => void;
  /** After each piece, with its length as it lies on the disk. */
  readonly onBytes: (bytes: number) => void;
}

/** Rejects where the stream does, or with what is wrong with a compressed one; lines before that were told. */
export async function readLines(stream: Readable, { onLine, onBytes }: LineHandlers): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  let isTooLong = false;
  try {
    for await (const chunk of plain(counted(stream, onBytes))) take(chunk);
  } finally {
    if (rest.length > 0) onLine(rest.toString(), isTooLong);
  }

  function take(chunk: Buffer): void {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(LINE_FEED);
    if (end >= 0) {
      for (const line of bytes.toString('utf8', 0, end).split('\n')) {
        onLine(line, isTooLong);
        isTooLong = false;
      }
    }
    rest = bytes.subarray(end + 1);
    if (rest.length <= LONGEST_LINE) return;
    isTooLong = true;
    // A copy, or all that it was cut from would stay.
    rest = Buffer.from(rest.subarray(-LONGEST_LINE));
  }
}

async function* counted(stream: Readable, onBytes: LineHandlers['onBytes']): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    yield chunk as Buffer;
    onBytes((chunk as Buffer).length);
  }
}

/** Compressed or not is told by the first bytes: a name says little, and stdin has none. */
const FORMATS = [
  { name: 'gzip', magic: '1f8b', tool: 'zcat' },
  { name: 'zstd', magic: '28b52ffd', tool: 'zstdcat' },
  { name: 'xz', magic: 'fd377a58', tool: 'xzcat' },
  { name: 'bzip2', magic: '425a68', tool: 'bzcat' },
] as const;

const LONGEST_MAGIC = 4;

async function* plain(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const head = await headOf(chunks);
  const format = FORMATS.find(({ magic }) => head.toString('hex').startsWith(magic));
  const all = joined(head, chunks);
  if (format === undefined) yield* all;
  else if (format.name === 'gzip') yield* unzipped(all);
  else
    throw new Error(
      `it is compressed by ${format.name}, which closefds does not read: ${format.tool} FILE | closefds report`,
    );
}

async function headOf(chunks: AsyncGenerator<Buffer>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < LONGEST_MAGIC) {
    const { done, value } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  return head;
}

async function* joined(head: Buffer, chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* chunks;
}

async function* unzipped(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: LONGEST_LINE / 4 });
  // Errors of both come out of the iteration.
  pipeline(ReadableStream.from(chunks), gunzip, () => {});
  yield* gunzip as AsyncIterable<Buffer> as AsyncGenerator<Buffer>;
}
