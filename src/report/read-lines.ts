// Reads lines of any length from a file or stdin in bounded memory. Rotated files are often compressed.

import { isAscii } from 'node:buffer';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** Only the end of a longer line is passed on: it may contain a record. */
export const LONGEST_LINE = 2 ** 20;

const LINE_FEED = 10;

export interface LineHandlers {
  readonly onLine: (line: string, isTooLong: boolean) => void;
  /** Called for each chunk with its length, before decompression. */
  readonly onBytes: (bytes: number) => void;
}

/** Rejects if the stream fails, or its compressed data are invalid; passes on the lines before that. */
export async function readLines(
  stream: AsyncIterable<unknown>,
  { onLine, onBytes }: LineHandlers,
): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  let isTooLong = false;
  const chunks = counted(stream, onBytes);
  try {
    for await (const chunk of decompressed(chunks)) take(chunk);
  } finally {
    // After an error, nothing else closes what is read. A stream that waits for its next chunk closes later.
    chunks.return(undefined).catch(() => {});
    if (rest.length > 0) onLine(rest.toString(), isTooLong);
  }

  function take(chunk: Buffer): void {
    let start = 0;
    if (rest.length > 0) {
      const end = chunk.indexOf(LINE_FEED);
      if (end < 0) {
        keep(Buffer.concat([rest, chunk]));
        return;
      }
      pass(Buffer.concat([rest, chunk.subarray(0, end)]).toString());
      start = end + 1;
    }
    const end = chunk.lastIndexOf(LINE_FEED);
    if (end >= start) for (const line of textOf(chunk.subarray(start, end)).split('\n')) pass(line);
    // A copy: a subarray would keep the whole chunk alive.
    keep(Buffer.from(chunk.subarray(Math.max(start, end + 1))));
  }

  function pass(line: string): void {
    onLine(line, isTooLong);
    isTooLong = false;
  }

  function keep(bytes: Buffer): void {
    rest = bytes;
    if (rest.length <= LONGEST_LINE) return;
    isTooLong = true;
    rest = Buffer.from(rest.subarray(-LONGEST_LINE));
  }
}

/** Most reports are ASCII, which is decoded faster as Latin-1. */
function textOf(bytes: Buffer): string {
  return bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8');
}

async function* counted(
  stream: AsyncIterable<unknown>,
  onBytes: LineHandlers['onBytes'],
): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    yield chunk as Buffer;
    onBytes((chunk as Buffer).length);
  }
}

/** By the first bytes: a file may have any name, and stdin has none. */
const FORMATS = [
  { name: 'gzip', magic: '1f8b', tool: 'zcat' },
  { name: 'zstd', magic: '28b52ffd', tool: 'zstdcat' },
  { name: 'xz', magic: 'fd377a58', tool: 'xzcat' },
  { name: 'bzip2', magic: '425a68', tool: 'bzcat' },
] as const;

const LONGEST_MAGIC = 4;

async function* decompressed(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const head = await headOf(chunks);
  const format = FORMATS.find(({ magic }) => head.toString('hex').startsWith(magic));
  const all = joined(head, chunks);
  if (format === undefined) yield* all;
  else if (format.name === 'gzip') yield* gunzipped(all);
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

async function* gunzipped(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: LONGEST_LINE / 4 });
  // The iteration throws the errors of both streams.
  pipeline(Readable.from(chunks), gunzip, () => {});
  yield* gunzip as AsyncIterable<Buffer> as AsyncGenerator<Buffer>;
}
