// Reads files in worker threads, each with a bounded heap.
//
// Workers get files in batches. If a worker dies (out of memory), its batch is read again file by file,
// and a file that fails again is reported.

import os = require('node:os');

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Site } from './analysis/site';
import { type FileResult, type Job, readJob } from './analyze-file';

export interface PoolOptions {
  readonly launchers: readonly string[];
  readonly known: ReadonlyMap<string, readonly Site[]>;
  readonly result: (result: FileResult) => void;
  readonly progress: (files: number) => void;
}

const MARK = 'closefds scan';
const BATCH_FILES = 40;
const BATCH_BYTES = 4 * 1024 * 1024;
/** Several times what a bundle of 15 MB needs. */
const HEAP_MB = 1024;
/** For a file that needs more, read alone. */
const LARGE_HEAP_MB = 3072;

/** `file`: the bundle, which the workers run, too. */
export async function readAll(jobs: Iterable<Job>, file: string, options: PoolOptions): Promise<void> {
  const batches = toBatches(jobs);
  const again: Job[] = [];
  const count = Math.max(1, Math.min(os.availableParallelism?.() ?? os.cpus().length, 4));
  await Promise.all(Array.from({ length: count }, () => work(HEAP_MB, () => batches.next().value, lost)));
  // One at a time, because each may need this much memory.
  await work(
    LARGE_HEAP_MB,
    () => (again.length > 0 ? [again.pop() as Job] : undefined),
    ([job], why) => {
      if (job !== undefined) options.result({ file: job.file, status: 'unread', sites: [], why });
    },
  );

  function lost(batch: readonly Job[]): void {
    again.push(...batch);
  }

  /** Reads batches until there are no more. Replaces a worker that died. */
  async function work(
    heap: number,
    next: () => readonly Job[] | undefined,
    lost: (batch: readonly Job[], why: string) => void,
  ): Promise<void> {
    for (let batch = next(); batch !== undefined; ) {
      const worker = new Worker(file, {
        workerData: { [MARK]: true, launchers: options.launchers, known: options.known },
        resourceLimits: { maxOldGenerationSizeMb: heap, stackSizeMb: 8 },
        execArgv: [],
      });
      while (batch !== undefined) {
        const results: readonly FileResult[] | Error = await ask(worker, batch);
        if (results instanceof Error) {
          lost(batch, `not parsable with ${heap} MiB of memory: ${results.message}`);
          batch = next();
          break;
        }
        for (const result of results) options.result(result);
        options.progress(batch.length);
        batch = next();
      }
      await worker.terminate();
    }
  }
}

function ask(worker: Worker, batch: readonly Job[]): Promise<readonly FileResult[] | Error> {
  return new Promise(resolve => {
    worker.removeAllListeners();
    worker.on('message', resolve);
    worker.on('error', (error: Error) => resolve(error));
    worker.on('exit', () => resolve(new Error('the worker ended')));
    worker.postMessage(batch);
  });
}

function* toBatches(jobs: Iterable<Job>): Generator<readonly Job[]> {
  let batch: Job[] = [];
  let bytes = 0;
  for (const job of jobs) {
    batch.push(job);
    bytes += job.size;
    if (batch.length < BATCH_FILES && bytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

/** The worker's side: the bundle calls it when it is loaded. */
export function serve(): void {
  if (isMainThread || parentPort === null || (workerData as Record<string, unknown> | null)?.[MARK] !== true)
    return;
  const port = parentPort;
  const { launchers, known } = workerData as Pick<PoolOptions, 'launchers' | 'known'>;
  const readOptions = { launchers: new Set(launchers), known: (key: string) => known.get(key) };
  port.on('message', (batch: readonly Job[]) => {
    port.postMessage(batch.flatMap(job => readJob(job, readOptions)));
  });
}
