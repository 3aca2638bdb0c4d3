// closefds/otel: sends findings from the diagnostics channel to OpenTelemetry.

import diagnosticsChannel = require('node:diagnostics_channel');

import type { Attributes, Counter } from '@opentelemetry/api';
import { CHANNEL } from './findings/diagnostics-channel';
import { FIELDS, type ReportRecord } from './findings/fields';

/** The name of the instrumentation scope. */
const SCOPE = 'closefds';

/**
 * Sends the findings of this thread to OpenTelemetry. Each finding adds its number of spawns to the counter
 * `closefds.findings` (unit `{finding}`), with the attributes code, mode, app, disposition, kind, caller and
 * command. It also adds an event `closefds.finding` to the active span, with the target and the call site too.
 * Metrics do not contain targets, because there are too many different ones.
 *
 * Call it after the OpenTelemetry SDK has started. It does not count earlier findings.
 *
 * @returns a function that stops it.
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
    // A record with count 0 adds a sign of use to an earlier record.
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
