// closefds report --follow and --serve, run for real, on files that change.

import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { createReport } from '../../src/report/report';
import { temporaryFolder } from '../support/programs';
import { line } from '../support/report-lines';
import { ROOT, run } from '../support/run';

const CLI = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');
const TERMINAL = path.join(ROOT, 'test', 'fixtures', 'pretend-terminal.js');

interface Running {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** The exit code or signal, and what was written. */
  readonly ended: Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>;
}

function start(t: ExecutionContext, args: readonly string[], nodeArgs: readonly string[] = []): Running {
  const child = spawn(process.execPath, [...nodeArgs, CLI, 'report', ...args], { stdio: 'pipe' });
  t.teardown(() => child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', chunk => {
    stdout += chunk;
  });
  child.stderr.on('data', chunk => {
    stderr += chunk;
  });
  const ended = new Promise<Awaited<Running['ended']>>(resolve =>
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
  );
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}

/** Until the test's own time is over. */
async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await wait(20);
  }
}

async function serve(t: ExecutionContext, args: readonly string[]) {
  const running = start(t, ['--serve', ...args]);
  const address = await until(() => /The page is (http:\S+) until Ctrl-C\.\n/.exec(running.stdout())?.[1]);
  const count = async () => {
    const answer = await fetch(`${address}report.json`);
    return ((await answer.json()) as { total: { count: number } }).total.count;
  };
  return {
    ...running,
    address,
    untilCount: (wanted: number) => until(async () => (await count()) === wanted || undefined),
  };
}

function fileOf(t: ExecutionContext, text: string): string {
  const file = path.join(temporaryFolder(t), 'findings.ndjson');
  writeFileSync(file, text);
  return file;
}

const half = line({ count: 8 });

for (const { title, change } of [
  { title: 'lines are appended', change: (file: string) => appendFileSync(file, line({ count: 8 })) },
  {
    title: 'a line comes in two parts',
    change: async (file: string) => {
      appendFileSync(file, half.slice(0, 40));
      await wait(600);
      appendFileSync(file, half.slice(40));
    },
  },
  {
    title: 'the file is renamed, and a new one made',
    change: async (file: string) => {
      renameSync(file, `${file}.1`);
      await wait(600);
      writeFileSync(file, line({ count: 8 }));
    },
  },
  {
    title: 'the old file gets a last line when there is a new one',
    change: (file: string) => {
      renameSync(file, `${file}.1`);
      appendFileSync(`${file}.1`, line({ count: 7 }));
      writeFileSync(file, line({ count: 1 }));
    },
  },
  {
    title: 'the file is emptied',
    change: async (file: string) => {
      truncateSync(file);
      await wait(600);
      appendFileSync(file, line({ count: 8 }));
    },
  },
])
  test(`a report goes on: ${title}`, async t => {
    // Longer than what follows, so that emptying it shows.
    const file = fileOf(t, line() + line());
    const { child, ended, untilCount } = await serve(t, [file]);
    await untilCount(2);
    await change(file);
    await untilCount(10);
    child.kill('SIGTERM');
    const { code, stderr } = await ended;
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });

test('a report goes on with what stdin brings, and stays when that ends', async t => {
  const { child, ended, untilCount } = await serve(t, []);
  child.stdin?.write(line({ count: 2 }));
  await untilCount(2);
  child.stdin?.end(line({ count: 3 }));
  await untilCount(5);
  child.kill('SIGINT');
  t.is((await ended).code, 0);
});

test('a filter holds for later lines, too', async t => {
  const file = fileOf(t, line({ count: 2 }));
  const { untilCount } = await serve(t, ['--kind', 'stray', file]);
  await untilCount(2);
  appendFileSync(file, line({ kind: 'pipe', count: 90 }) + line({ count: 1 }));
  await untilCount(3);
  t.pass();
});

test('the page is at its address alone, on loopback, for GET, and its policy allows its own server', async t => {
  const { address } = await serve(t, [fileOf(t, line())]);
  const { host, hostname, pathname } = new URL(address);
  t.is(hostname, '127.0.0.1');
  t.regex(pathname, /^\/[\w-]{22}\/$/);
  const statusOf = async (url: string, method = 'GET') => (await fetch(url, { method })).status;
  t.deepEqual(
    {
      page: await statusOf(address),
      root: await statusOf(`http://${host}/`),
      other: await statusOf(`http://${host}/${'A'.repeat(22)}/`),
      beside: await statusOf(`${address}page.js`),
      post: await statusOf(address, 'POST'),
    },
    { page: 200, root: 404, other: 404, beside: 404, post: 405 },
  );
  const page = await fetch(address);
  t.is(page.headers.get('cache-control'), 'no-store');
  t.regex(await page.text(), /default-src 'none'; .*connect-src 'self'/);
});

test('an event comes with each newer report, and one at the end, which does not wait for readers', async t => {
  const file = fileOf(t, line());
  const { address, child, ended, untilCount } = await serve(t, [file]);
  await untilCount(1);
  let events = '';
  const closed = new Promise<void>(resolve => {
    http.get(`${address}events`, response => {
      t.is(response.headers['content-type'], 'text/event-stream');
      response.on('data', chunk => {
        events += chunk;
      });
      response.on('end', resolve);
    });
  });
  const versions = () =>
    [...events.matchAll(/event: report\ndata: (\d+)\n\n/g)].map(([, number]) => Number(number));
  const [first = 0] = await until(() => (versions().length > 0 ? versions() : undefined));
  appendFileSync(file, line());
  await until(() => (versions().some(version => version > first) ? true : undefined));
  child.kill('SIGINT');
  await closed;
  t.regex(events, /event: end\ndata: \d+\n\n$/);
  t.is((await ended).code, 0);
});

test('on a terminal the table is redrawn, cut to the rows, and printed as a whole at the end', async t => {
  const lines = Array.from({ length: 9 }, (_, n) => line({ target: `/file-${n}` })).join('');
  const file = fileOf(t, line());
  const { child, stdout, ended } = start(t, ['--follow', file], ['--require', TERMINAL]);
  await until(() => (stdout().includes('1 finding in 1 process') ? true : undefined));
  appendFileSync(file, lines);
  await until(() => (stdout().includes('10 findings in 1 process') ? true : undefined));
  child.kill('SIGINT');
  const { code, stdout: all } = await ended;
  t.is(code, 0);
  const [inside = '', after = ''] = all.split('\u001b[?1049l');
  t.true(inside.startsWith('\u001b[?1049h\u001b[?25l\u001b[?7l'));
  t.true(inside.endsWith('\u001b[?7h\u001b[?25h'));
  const screens = inside.split('\u001b[H').slice(1);
  t.deepEqual(
    screens.filter(screen => screen.split('\n').length > 8),
    [],
  );
  t.regex(screens.at(-1) ?? '', /\d+ more lines; Ctrl-C ends, and prints all of it\./);
  for (let n = 0; n < 9; n++) t.true(after.includes(`/file-${n}`));
});

test('a file that cannot be read is reported at once, and the page stays', async t => {
  const file = fileOf(t, '');
  writeFileSync(file, Buffer.from('28b52ffd00', 'hex'));
  const { child, ended, stderr, untilCount } = await serve(t, [file]);
  await until(() => (stderr() === '' ? undefined : true));
  await untilCount(0);
  child.kill('SIGINT');
  const result = await ended;
  t.is(result.code, 1);
  t.regex(
    result.stderr,
    /^closefds: \S+findings\.ndjson could not be read to its end: it is compressed by zstd.*\n$/,
  );
});

for (const { title, args, error } of [
  {
    title: 'no terminal',
    args: ['--follow', CLI],
    error: /expected a terminal for --follow, found a file or pipe/,
  },
  {
    title: 'both',
    args: ['--serve', '--follow', CLI],
    error: /expected --follow without --serve, found both/,
  },
  {
    title: 'a format',
    args: ['--serve', '--format', 'json', CLI],
    error: /expected --serve without --format/,
  },
  { title: 'a comparison', args: ['--serve', '--diff', CLI, CLI], error: /expected --serve without --diff/ },
  {
    title: 'a page in a file',
    args: ['--serve', '--html', 'x', CLI],
    error: /expected --serve without --html/,
  },
  {
    title: 'a result for CI',
    args: ['--serve', '--fail-on', 'needs-decision', CLI],
    error: /expected --serve without --fail-on/,
  },
  {
    title: 'a port alone',
    args: ['--port', '80', CLI],
    error: /expected --port with --serve, found it alone/,
  },
  {
    title: 'no port',
    args: ['--serve', '--port', '70000', CLI],
    error: /expected a number up to 65535 after --port/,
  },
  {
    title: 'no file',
    args: ['--serve', '/nowhere'],
    error: /\/nowhere cannot be read: there is no such file/,
  },
])
  test(`a wrong call of a live report: ${title}`, async t => {
    const { code, stderr } = await run(CLI, { nodeArgs: [], args: ['report', ...args] });
    t.is(code, 2);
    t.regex(stderr, error);
  });

test('a port that another program has is named', async t => {
  const server = http.createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await new Promise(resolve => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const { code, stderr } = await run(CLI, {
    nodeArgs: [],
    args: ['report', '--serve', '--port', String(port), fileOf(t, line())],
  });
  t.is(code, 2);
  t.regex(stderr, new RegExp(`port ${port} of 127\\.0\\.0\\.1 cannot be used: another program has it`));
});

test('a report that goes on counts no warning twice, whose process writes a record a little later', t => {
  const maker = createReport();
  const warning =
    '(node:123) [CLOSEFDS_DESIGNATED] ClosefdsWarning: designated FD 3 (a new pipe) was closed: the app (/app/server.js:3) starting "sh". See docs/findings.md#closefds_designated in the package.';
  maker.readLine(warning, false, 0);
  t.is(maker.result(true).total.count, 0);
  maker.readLine(line({ pid: 123 }).trim(), false, 0);
  t.is(maker.result(true).total.count, 1);
  t.is(maker.result(true).total.count, 1);
  maker.readLine(warning.replace('123', '124'), false, 0);
  t.is(maker.result(true).total.count, 1);
  t.is(maker.result(true).total.count, 2);
  t.is(maker.result().total.count, 2);
});
