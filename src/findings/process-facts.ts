// The facts about this process that each of its records has.

import os = require('node:os');
import workerThreads = require('node:worker_threads');

import type { RecordMetadata } from './fields';

export type ProcessFacts = Omit<RecordMetadata, 'time' | 'count' | 'assumed'>;

export function processFacts(app: string | undefined): ProcessFacts {
  return { pid: process.pid, thread: workerThreads.threadId, app, host: HOST };
}

/** Once: programs replace functions, and the name hardly changes while a process runs. */
const HOST = hostName();

function hostName(): string | undefined {
  try {
    return os.hostname() || undefined;
  } catch {
    // The system does not give it.
    return undefined;
  }
}
