// How far a long reading is, on one line of a terminal; nothing anywhere else.

import type { WriteStream } from 'node:tty';

export interface ProgressOptions {
  readonly stream: Pick<WriteStream, 'isTTY' | 'write'>;
  /** Bytes in all; 0 where nobody knows. */
  readonly size: number;
  readonly records: () => number;
  /** Milliseconds. */
  readonly now?: () => number;
}

export interface Progress {
  readonly onBytes: (bytes: number) => void;
  readonly end: () => void;
}

/** What takes less needs no progress. */
const QUIET = 500;
const EVERY = 100;
const CLEAR = '\r\x1b[K';

export function createProgress({ stream, size, records, now = Date.now }: ProgressOptions): Progress {
  let read = 0;
  let next = now() + QUIET;
  let shown = false;

  return {
    onBytes(bytes) {
      read += bytes;
      if (!stream.isTTY || now() < next) return;
      next = now() + EVERY;
      shown = true;
      const part = size > 0 ? `${Math.min(100, Math.floor((read / size) * 100))} %, ` : '';
      const megabytes = Math.floor(read / 2 ** 20).toLocaleString('en');
      stream.write(`${CLEAR}${part}${megabytes} MB read, ${records().toLocaleString('en')} findings`);
    },
    end() {
      if (shown) stream.write(CLEAR);
    },
  };
}
