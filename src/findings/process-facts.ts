// The facts about this process that each of its records has.

import workerThreads = require('node:worker_threads');

import type { RecordMetadata } from './fields';

export type ProcessFacts = Omit<RecordMetadata, 'time' | 'count'>;

export function processFacts(app: string | undefined): ProcessFacts {
  return { pid: process.pid, thread: workerThreads.threadId, app };
}
