// Reads report files as they grow, until it is ended: rotated and truncated ones, too. stdin and FIFOs end by
// themselves.

import { type FileHandle, open, stat } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { readLines } from '../../report/read-lines';
import { createSources, endProblem, type Input, type InputHandlers } from '../input-files';

/** Between two looks at a file, in milliseconds. A look is cheap, and works on network file systems, too. */
const PAUSE = 250;

const CHUNK = 2 ** 16;

export interface FollowHandlers extends Pick<InputHandlers, 'onLine'> {
  /** An input could not be read to its end. */
  readonly onProblem: (problem: string) => void;
  /** Ends the reading of all inputs. */
  readonly signal: AbortSignal;
}

/** Resolves when all inputs have ended. */
export async function followInputs(
  inputs: readonly Input[],
  { onLine, onProblem, signal }: FollowHandlers,
): Promise<void> {
  const sourceOf = createSources();
  const followed = inputs.map(async input => {
    const source = sourceOf(input.name);
    try {
      await readLines(chunksOf(input, signal), {
        onLine: (line, isTooLong) => onLine(line, isTooLong, source),
        onBytes: () => {},
      });
    } catch (error) {
      if (!signal.aborted) onProblem(endProblem(input.name, error));
    }
  });
  await Promise.all(followed);
}

function chunksOf({ name, identity, open: openInput }: Input, signal: AbortSignal): AsyncIterable<unknown> {
  return identity === undefined ? addAbortSignal(signal, openInput()) : growing(name, signal);
}

/** The bytes of a file and of those that take its name, as they come. */
async function* growing(name: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  let file = await open(name);
  let position = 0;
  let isReplaced = false;
  try {
    for (;;) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, position);
      position += bytesRead;
      if (bytesRead > 0) yield buffer.subarray(0, bytesRead);
      else if (isReplaced) {
        const next = await open(name);
        await file.close();
        [file, position, isReplaced] = [next, 0, false];
      } else {
        const change = await changeOf(file, name, position);
        // What was written to the old file right before it was renamed is read first.
        isReplaced = change === 'replaced';
        if (change === 'truncated') position = 0;
        if (change === undefined && !(await pause(signal))) return;
      }
    }
  } finally {
    await file.close();
  }
}

async function changeOf(
  file: FileHandle,
  name: string,
  position: number,
): Promise<'replaced' | 'truncated' | undefined> {
  const now = await file.stat();
  if (now.size < position) return 'truncated';
  try {
    const named = await stat(name);
    return named.dev === now.dev && named.ino === now.ino ? undefined : 'replaced';
  } catch {
    // Between the renaming of the old file and the making of the new one.
    return undefined;
  }
}

/** Returns false if the signal came. */
async function pause(signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  try {
    await wait(PAUSE, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
