// The facts about this process that each of its records has.

import os = require('node:os');
import workerThreads = require('node:worker_threads');

import { findProgram } from '../policy/main-script';
import type { Settings } from '../policy/settings';
import type { RecordMetadata } from './fields';
import { redactText } from './redact';

export type ProcessFacts = Omit<RecordMetadata, 'time' | 'count' | 'assumed'>;

/** What tells the processes of one service from others. */
export type Service = Pick<RecordMetadata, 'app' | 'script'>;

export type ServiceSettings = Pick<Settings, 'app' | 'script' | 'appRoot'>;

export function processFacts(service: Service): ProcessFacts {
  return { pid: process.pid, thread: workerThreads.threadId, ...service, host: HOST };
}

/** `redact`: globs on paths, see redact.ts. */
export function serviceOf({ app, script, appRoot }: ServiceSettings, redact: readonly string[]): Service {
  const program = findProgram(script, appRoot);
  return { app, script: redactText(program?.fileInApp ?? program?.file, redact) };
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
