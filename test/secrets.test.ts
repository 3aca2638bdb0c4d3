// Secrets stay out of every outlet: a program full of them runs for real, and all that comes out is searched.

import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ReportRecord } from '../src/findings/record';
import { temporaryFolder, write } from './support/programs';
import { LEAK, ROOT, type RunResult, run, runCommand } from './support/run';
import { whyNoTrace } from './support/trace';

const CLI = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');
const FIXTURE = path.join(ROOT, 'test', 'fixtures', 'secrets.js');
const PARAMETERS = { PATH: process.env.PATH ?? '', HOME: '/' };

interface App {
  readonly program: string;
  readonly folder: string;
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
  /** What came out, by outlet. */
  readonly seen: () => Record<string, string>;
}

/** The config and the report are beside the app, so that no path of ours has a secret in it. */
function install(t: ExecutionContext, config: object): App {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  const program = write(folder, {
    'HUSH-app/app.js': readFileSync(FIXTURE, 'utf8'),
    'HUSH-app/package.json': '{"name": "app"}',
    'HUSH-app/child.js': 'process.disconnect();',
    'HUSH-app/HUSH-data': 'HUNTER2',
    'HUSH-app/HUSH-bin/tool': '#!/bin/sh\ntrue\n',
    'HUSH-app/HUSH-lib/inner.js': `exports.inLibrary = function callHUSH(cp, options) { cp.spawnSync('true', ['HUNTER2', '/dev/fd/40'], options); };`,
    'closefds.json': JSON.stringify(config),
  });
  chmodSync(path.join(folder, 'HUSH-app/HUSH-bin/tool'), 0o755);
  const seen = path.join(folder, 'seen');
  mkdirSync(seen);
  return {
    program,
    folder,
    config: path.join(folder, 'closefds.json'),
    env: {
      ...PARAMETERS,
      LEAK,
      ROOT,
      SEEN: seen,
      CLOSEFDS_CONFIG: path.join(folder, 'closefds.json'),
      CLOSEFDS_REPORT: path.join(folder, 'findings.ndjson'),
    },
    seen: () =>
      Object.fromEntries(
        readdirSync(seen).map(name => [name, readFileSync(path.join(seen, name), 'latin1')]),
      ),
  };
}

function recordsOf(file: string): ReportRecord[] {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map(line => JSON.parse(line) as ReportRecord);
}

/** Everything that closefds makes of a report. */
async function commandsOn({ folder, config }: App, report: string): Promise<Record<string, string>> {
  const page = path.join(folder, 'page.html');
  const outlets: Record<string, string> = {};
  const commands = [
    ['report', report],
    ['report', '--format', 'json', report],
    ['report', '--html', page, report],
    ['learn', '--announced', '--config', config, report],
    ['learn', '--announced', '--config', config, '--format', 'json', report],
    ['learn', '--announced', '--write', '--config', config, report],
    ['explain', '--config', config, '.'],
    ['check', config, report],
  ];
  for (const command of commands) {
    const { stdout, stderr } = await run(CLI, { nodeArgs: [], args: command, cwd: folder });
    outlets[command.join(' ')] = stdout + stderr;
  }
  // The globs themselves are in the config.
  const { rules } = JSON.parse(readFileSync(config, 'utf8'));
  return { ...outlets, page: readFileSync(page, 'utf8'), rules: JSON.stringify(rules ?? []) };
}

/** Where a secret came out, and a piece of the text around it. strace writes paths as \x48\x55... */
function leaks(outlets: Readonly<Record<string, string>>, secret: string): string[] {
  return Object.entries(outlets).flatMap(([name, text]) => {
    const plain = text.replace(/\\x([0-9a-f]{2})/g, (_, hex) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    const at = plain.indexOf(secret);
    return at === -1 ? [] : [`${name}: ${plain.slice(Math.max(0, at - 100), at + 100)}`];
  });
}

const CONFIGS = [
  { title: 'without redact', redact: undefined, hidden: ['HUNTER2'] },
  { title: 'with a glob for the secret paths', redact: ['**HUSH**'], hidden: ['HUNTER2', 'HUSH'] },
  { title: 'with a glob for everything', redact: ['**'], hidden: ['HUNTER2', 'HUSH', '--log-fd', 'sh"'] },
];

const OUTLETS = ['channel', 'events', 'metrics'];

for (const { title, redact, hidden } of CONFIGS) {
  for (const mode of ['warn', 'enforce', 'strict']) {
    test(`${mode}, ${title}: no outlet has a secret`, async t => {
      const app = install(t, { mode, redact });
      const { stderr } = await run(app.program, { env: app.env, cwd: app.folder });
      const report = path.join(app.folder, 'findings.ndjson');
      const findings = existsSync(report) ? readFileSync(report, 'utf8') : '';
      const own = { ...app.seen(), stderr: warningsOf(stderr), findings };
      const expected = mode === 'strict' ? ['errors', ...OUTLETS] : OUTLETS;
      t.deepEqual(Object.keys(app.seen()).sort(), [...expected].sort());
      t.true(recordsOf(report).length > 15);
      const outlets = { ...own, ...(await commandsOn(app, report)) };
      for (const secret of hidden) t.deepEqual(leaks(outlets, secret), [], secret);
    });
  }
}

/** The program itself, and what the children say, are no outlets. */
function warningsOf(stderr: string): string {
  return stderr
    .split('\n')
    .filter(line => line.includes('closefds') || line.includes('Closefds'))
    .join('\n');
}

test('without redact, paths and the names of options are reported: the search would find them', async t => {
  const app = install(t, { mode: 'enforce' });
  const { stderr } = await run(app.program, { env: app.env, cwd: app.folder });
  const report = path.join(app.folder, 'findings.ndjson');
  const records = recordsOf(report);
  const outlets = { ...app.seen(), stderr: warningsOf(stderr), ...(await commandsOn(app, report)) };
  for (const name of [...OUTLETS, 'stderr', 'page']) t.true(leaks(outlets, 'HUSH').length > 0, name);
  const announcements = new Set(records.map(({ announcement }) => announcement));
  t.deepEqual([...announcements].filter(text => text !== undefined).sort(), [
    '--log-fd 3',
    '--log-fd=40',
    '--passphrase-fd 3',
    '/dev/fd/3',
    '/dev/fd/40',
    '<&3',
    '>&3',
    '>&40',
    'DATABASE /dev/fd/3',
    'MAKEFLAGS --jobserver-auth=3,40',
    'fd=3',
  ]);
  t.deepEqual([...new Set(records.map(({ command }) => path.basename(command ?? '')))].sort(), [
    'curl',
    'mysql',
    'node',
    'sh',
    'tool',
    'true',
  ]);
});

test('a redacted folder leaves the place in the app; a redacted file leaves its line', async t => {
  const app = install(t, { mode: 'enforce', redact: ['**HUSH**'] });
  await run(app.program, { env: app.env, cwd: app.folder });
  const callers = recordsOf(path.join(app.folder, 'findings.ndjson')).map(({ caller }) => caller);
  const places = new Set(
    callers.map(caller => [caller?.package, caller?.file, caller?.fileInPackage].join(' ')),
  );
  t.deepEqual([...places].sort(), ['. [redacted] [redacted]', '. app.js app.js']);
  t.true(callers.every(caller => (caller?.line ?? 0) > 0));
});

for (const { title, redact, hidden } of CONFIGS) {
  test(`audit, ${title}: neither its findings, its summary, nor what it stores has a secret`, async t => {
    const why = await whyNoTrace();
    if (why !== undefined) return t.log(`skipped: ${why}`);
    const app = install(t, { redact });
    const output = path.join(app.folder, 'audit.ndjson');
    const command = [process.execPath, CLI, 'audit', '--report', output, '--config', app.config, '--'];
    const { CLOSEFDS_REPORT, ...env } = app.env;
    const { stderr }: RunResult = await runCommand([...command, process.execPath, app.program], {
      env,
      cwd: app.folder,
    });
    const stored = app.seen();
    const kinds = new Set(Object.keys(stored).map(name => /\.\w+$/.exec(name)?.[0] ?? name));
    t.deepEqual([...kinds].sort(), ['.notes', '.trace', ...OUTLETS].sort());
    const results = { audit: readFileSync(output, 'utf8'), stderr: summaryOf(stderr) };
    const more = await commandsOn(app, output);
    t.deepEqual(leaks({ ...stored, ...results, ...more }, 'HUNTER2'), []);
    // Traces have paths, and notes have the globs; both go away with the audit.
    const notes = Object.entries(stored)
      .filter(([name]) => !name.endsWith('.trace'))
      .map(([name, text]) => [name, text.replaceAll(`"redact":${JSON.stringify(redact)},`, '')]);
    for (const secret of hidden)
      t.deepEqual(leaks({ ...Object.fromEntries(notes), ...results, ...more }, secret), [], secret);
  });
}

function summaryOf(stderr: string): string {
  return stderr.slice(Math.max(0, stderr.indexOf('closefds audit:')));
}
