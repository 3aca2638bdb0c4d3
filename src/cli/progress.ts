// Progress of a long command, on one line of a terminal; nothing on any other stream.

import type { WriteStream } from 'node:tty';

export interface ProgressOptions {
  readonly stream: Pick<WriteStream, 'isTTY' | 'write'>;
  /** Milliseconds. */
  readonly now?: () => number;
}

export interface Progress {
  /** Shows the text, unless it is too soon for another one. */
  readonly show: (text: () => string) => void;
  readonly end: () => void;
}

/** A command that takes less time shows no progress. In milliseconds. */
const QUIET = 500;
const INTERVAL = 100;
const CLEAR = '\r\x1b[K';

export function createProgress({ stream, now = Date.now }: ProgressOptions): Progress {
  let next = now() + QUIET;
  let shown = false;

  return {
    show(text) {
      if (!stream.isTTY || now() < next) return;
      next = now() + INTERVAL;
      shown = true;
      stream.write(CLEAR + text());
    },
    end() {
      if (shown) stream.write(CLEAR);
    },
  };
}

export interface ReadingOptions extends ProgressOptions {
  /** Bytes of all input; 0 if unknown. */
  readonly size: number;
  readonly records: () => number;
}

export interface ReadingProgress {
  readonly onBytes: (bytes: number) => void;
  readonly end: () => void;
}

export function createReadingProgress({ size, records, ...options }: ReadingOptions): ReadingProgress {
  const { show, end } = createProgress(options);
  let read = 0;

  return {
    onBytes(bytes) {
      read += bytes;
      show(() => {
        const part = size > 0 ? `${Math.min(100, Math.floor((read / size) * 100))} %, ` : '';
        const megabytes = Math.floor(read / 2 ** 20).toLocaleString('en');
        return `${part}${megabytes} MB read, ${records().toLocaleString('en')} findings`;
      });
    },
    end,
  };
}
