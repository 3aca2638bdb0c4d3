// closefds/otel: findings for OpenTelemetry, over the diagnostics channel.

import diagnosticsChannel = require('node:diagnostics_channel');

import type { Attributes, Counter } from '@opentelemetry/api';
import { CHANNEL } from './findings/diagnostics-channel';
import type { ReportRecord } from './findings/record';

/** What the bridge is called in telemetry: the instrumentation scope. */
const SCOPE = 'closefds';

/**
 * Counts each finding of this thread in `closefds.findings`, by code, mode, disposition, kind, caller
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
    if (record.count > 0) findings.add(record.count, attributesOf(record));
    trace.getActiveSpan()?.addEvent('closefds.finding', { ...attributesOf(record), ...detailsOf(record) });
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

function attributesOf({ code, mode, disposition, kind, caller, command }: ReportRecord): Attributes {
  return known({
    'closefds.code': code,
    'closefds.mode': mode,
    'closefds.disposition': disposition,
    'closefds.kind': kind,
    'closefds.caller.package': caller?.package,
    'closefds.caller.version': caller?.version,
    'closefds.command': command?.slice(command.lastIndexOf('/') + 1),
  });
}

function detailsOf(record: ReportRecord): Attributes {
  const { childFd, target, type, access, caller, rule, opener, used, what } = record;
  return known({
    'closefds.fd': childFd,
    'closefds.target': target,
    'closefds.type': type,
    'closefds.access': access,
    'closefds.used': used,
    'closefds.rule': rule?.source,
    'closefds.opener': opener && `${opener.package}@${opener.version}`,
    'closefds.what': what,
    // As OpenTelemetry's semantic conventions name places in code.
    'code.file.path': caller?.file,
    'code.line.number': caller?.line,
    'code.column.number': caller?.column,
    'code.function.name': caller?.function,
  });
}

function known(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
