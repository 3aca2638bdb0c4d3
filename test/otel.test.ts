// The OpenTelemetry bridge, with the real SDK and its real exporter to a collector of ours.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import test from 'ava';
import { fixture, temporaryFolder, write } from './support/programs';
import { ROOT, run } from './support/run';

interface Exported {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly {
      readonly scope: { readonly name: string };
      readonly metrics: readonly {
        readonly name: string;
        readonly sum: {
          readonly dataPoints: readonly {
            readonly asDouble?: number;
            readonly asInt?: number;
            readonly attributes: readonly {
              readonly key: string;
              readonly value: { readonly stringValue: string };
            }[];
          }[];
        };
      }[];
    }[];
  }[];
}

const PROGRAM = fixture('export-findings.js');

test('findings are counted and exported, and stand in the active span', async t => {
  const bodies: Exported[] = [];
  const collector = createServer((request, response) => {
    let text = '';
    request.on('data', chunk => {
      text += chunk;
    });
    request.on('end', () => {
      bodies.push(JSON.parse(text) as Exported);
      response.end('{}');
    });
  });
  await new Promise<void>(resolve => collector.listen(0, '127.0.0.1', resolve));
  t.teardown(() => collector.close());
  const { port } = collector.address() as AddressInfo;
  const program = write(temporaryFolder(t), { 'app.js': PROGRAM });
  const { stdout, stderr, code } = await run(program, {
    env: { ROOT, COLLECTOR: `http://127.0.0.1:${port}/v1/metrics` },
  });
  t.is(code, 0, stderr);

  const [metric] = bodies
    .flatMap(({ resourceMetrics }) => resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics))
    .filter(({ scope }) => scope.name === 'closefds')
    .flatMap(({ metrics }) => metrics);
  const points = metric?.sum.dataPoints.map(({ asDouble, asInt, attributes }) => ({
    count: asDouble ?? asInt,
    attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue])),
  }));
  const attributes = {
    'closefds.code': 'CLOSEFDS_DESIGNATED',
    'closefds.mode': 'enforce',
    'closefds.disposition': 'closed',
    'closefds.kind': 'pipe',
    'closefds.caller.package': '.',
    'closefds.command': 'true',
  };
  t.is(metric?.name, 'closefds.findings');
  t.deepEqual(points, [{ count: 2, attributes }]);

  const events = JSON.parse(stdout) as { name: string; attributes: Record<string, unknown> }[];
  t.deepEqual(
    events.map(({ name }) => name),
    ['closefds.finding', 'closefds.finding'],
  );
  t.like(events[0]?.attributes, {
    ...attributes,
    'closefds.fd': 3,
    'closefds.rule': 'default',
    'code.file.path': program,
  });
});

test('without the API there is a clear error', async t => {
  const program = write(temporaryFolder(t), {
    'app.js': `
      const Module = require('node:module');
      const { _resolveFilename } = Module;
      Module._resolveFilename = (name, ...rest) => {
        if (name.startsWith('@opentelemetry/')) throw Object.assign(new Error('no ' + name), { code: 'MODULE_NOT_FOUND' });
        return _resolveFilename(name, ...rest);
      };
      try { require(${JSON.stringify(path.join(ROOT, 'dist', 'src', 'otel.js'))}).bridgeFindings(); }
      catch (error) { process.stdout.write(error.message); }
    `,
  });
  const { stdout } = await run(program);
  t.is(stdout, 'closefds/otel needs the package @opentelemetry/api: npm install @opentelemetry/api');
});
