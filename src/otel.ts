// closefds/otel: findings for OpenTelemetry, over the diagnostics channel.

import diagnosticsChannel = require('node:diagnostics_channel');

import type { Attributes, Counter } from '@opentelemetry/api';
import { CHANNEL } from './findings/diagnostics-channel';
import { FIELDS, type ReportRecord } from './findings/fields';

/** What the bridge is called in telemetry: the instrumentation scope. */
const SCOPE = 'closefds';

/**
 * Counts each finding of this thread in `closefds.findings`, by code, mode, app, disposition, kind, caller
 * and command, and adds it as an event `closefds.finding` to the span that is active, with the target
 * and the call site. Targets are in no metric: there are too many different ones.
 *
 * Call it after the OpenTelemetry SDK was started. Findings from before are not counted.
 *
 * @returns a function that ends it.
 * @throws Error if `@opentelemetry/api` is not installed.
 */
export function bridgeFindings(): () => void {
  const { metrics, trace } = loadApi();
  const findings: Counter = metrics.getMeter(SCOPE).createCounter('closefds.findings', {
    description: 'FDs that crossed exec, or would have, and were reported',
    unit: '{finding}',
  });
  diagnosticsChannel.subscribe(CHANNEL, onFinding);
  return () => {
    diagnosticsChannel.unsubscribe(CHANNEL, onFinding);
  };

  function onFinding(message: unknown): void {
    const record = message as ReportRecord;
    // Proof of use comes later, and counts nothing.
    if (record.count > 0) findings.add(record.count, attributesOf(record, 'metric'));
    trace.getActiveSpan()?.addEvent('closefds.finding', {
      ...attributesOf(record, 'metric'),
      ...attributesOf(record, 'event'),
    });
  }
}

type Api = typeof import('@opentelemetry/api');

function loadApi(): Api {
  try {
    return require('@opentelemetry/api') as Api;
  } catch (error) {
    throw new Error('closefds/otel needs the package @opentelemetry/api: npm install @opentelemetry/api', {
      cause: error,
    });
  }
}

function attributesOf(record: ReportRecord, part: 'metric' | 'event'): Attributes {
  return known(Object.assign({}, ...Object.values(FIELDS).map(field => field[part]?.(record))));
}

function known(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
