// The steps of docs/getting-started.md, followed to the letter: its commands are run, its files are written, its
// changes are made, on examples/migration, with closefds installed from its tarball.

import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { chapter } from '../support/markdown';
import { temporaryFolder } from '../support/programs';
import { ROOT, type RunResult, runCommand } from '../support/run';

const DOC = chapter(
  readFileSync(path.join(ROOT, 'docs', 'getting-started.md'), 'utf8'),
  'From nothing to enforce',
);
const EXAMPLE = path.join(ROOT, 'examples', 'migration');

/** A fenced block: what it is, and what is in it. */
interface Block {
  readonly step: string;
  readonly info: string;
  readonly text: string;
}

const BLOCKS = readBlocks(DOC);

function readBlocks(markdown: string): Block[] {
  const blocks: Block[] = [];
  let step = '';
  for (const [, heading, info, text] of markdown.matchAll(/^### (.+)$|^```(.*)\n([\s\S]*?)^```$/gm)) {
    if (heading !== undefined) step = heading;
    else blocks.push({ step, info: info ?? '', text: text ?? '' });
  }
  return blocks;
}

const DATABASE = ['LOG', 'LOCK', '#.log', 'MANIFEST-#'];
const STRAYS = [...DATABASE, 'lock'];
const PROGRAMS = ['ffmpeg', 'gpg', 'report', 'indexer'];

type Children = Readonly<Record<string, readonly string[]>>;

const children = (designated: Children, strays: readonly string[]): Children =>
  Object.fromEntries(
    PROGRAMS.map(name => [name, ['0', '1', '2', ...(designated[name] ?? []), ...strays].sort()]),
  );
const ALL = { ffmpeg: ['3'], gpg: ['3'], report: ['3'] };

const strays = (verb: string, files: readonly string[], programs = PROGRAMS) =>
  programs.flatMap(name => files.map(file => `CLOSEFDS_STRAY ${file} ${verb}: ${name}`));

interface Expected {
  readonly command: string;
  readonly exit: number;
  /** What each program held, by number up to 3 and by name above. */
  readonly children?: Children;
  readonly findings: readonly string[];
  /** Whether the text block that follows on the page has lines of its output; ` ...` cuts one short. */
  readonly shown?: boolean;
}

/** Every command that the page shows, in its order. */
const EXPECTED: readonly Expected[] = [
  { command: 'npm install closefds', exit: 0, findings: [] },
  { command: 'npx closefds scan', exit: 0, findings: [], shown: true },
  { command: 'npx closefds doctor', exit: 0, findings: [] },
  {
    command: 'npx closefds run --mode warn -- npm start',
    exit: 0,
    children: children(ALL, STRAYS),
    findings: [
      ...strays('passes', STRAYS),
      'CLOSEFDS_DESIGNATED 3 passes: gpg',
      'CLOSEFDS_DESIGNATED 3 passes: report',
    ],
  },
  {
    command: 'npx closefds run --mode enforce -- npm start',
    exit: 1,
    findings: [...strays('closed', STRAYS, ['ffmpeg', 'gpg']), 'CLOSEFDS_DESIGNATED 3 closed: gpg'],
  },
  {
    command: 'npx closefds run -- npm start',
    exit: 0,
    children: children(ALL, ['lock']),
    findings: [
      ...strays('closed', DATABASE),
      ...strays('passes', ['lock']),
      'CLOSEFDS_DESIGNATED 3 passes: gpg',
    ],
  },
  {
    command: 'npx closefds run -- npm start',
    exit: 0,
    children: children(ALL, []),
    findings: [...strays('closed', STRAYS), 'CLOSEFDS_DESIGNATED 3 passes: gpg'],
  },
  {
    command: 'npm start',
    exit: 0,
    children: children(ALL, []),
    findings: strays('closed', STRAYS),
  },
  {
    command: 'npx closefds run --mode strict --config closefds.ci.json -- npm start',
    exit: 0,
    children: children(ALL, STRAYS),
    findings: strays('passes', STRAYS),
  },
];

test('the steps of docs/getting-started.md have the results that the page shows', async t => {
  const { app, tarball } = await prepare(t);
  const followed: string[] = [];
  let shown: string | undefined;

  for (const block of BLOCKS) {
    if (block.info === 'diff') change(t, app, block.text, 'after');
    else if (block.info.startsWith('json ')) writeFileSync(path.join(app, block.info.slice(5)), block.text);
    else if (block.info === 'sh') for (const command of block.text.trim().split('\n')) await follow(command);
    else if (block.info === 'text' && shown !== undefined) {
      assertShown(t, block.text, shown);
      shown = undefined;
    }
  }
  t.deepEqual(
    followed,
    EXPECTED.map(expected => expected.command),
  );

  // Where the page ends is what lies in the repository.
  for (const file of ['app.js', 'start.sh', 'closefds.json', 'closefds.ci.json'])
    t.is(readFileSync(path.join(app, file), 'utf8'), readFileSync(path.join(EXAMPLE, file), 'utf8'), file);

  await assertExpiry(t, app);

  async function follow(command: string): Promise<void> {
    const expected = EXPECTED[followed.push(command) - 1];
    const title = `${followed.length}: ${command}`;
    for (const file of given(app)) rmSync(file);
    const real =
      command === 'npm install closefds'
        ? `npm install --ignore-scripts --no-audit --no-fund ${tarball}`
        : command;
    const result = await runCommand(['bash', '-c', real], { cwd: app });
    t.is(result.code, expected?.exit ?? null, `${title}\n${result.stdout}${result.stderr}`);
    t.deepEqual(findings(result), [...(expected?.findings ?? [])].sort(), title);
    if (expected?.shown) shown = result.stdout;
    if (expected?.children !== undefined) t.deepEqual(held(app), expected.children, title);
  }
});

/** The app as it was before its owner read the page, and the package as it would be published. */
async function prepare(t: ExecutionContext): Promise<{ app: string; tarball: string }> {
  const folder = temporaryFolder(t);
  // Built already; the scripts would build again, and remove the tests that are running.
  const packed = await runCommand(['npm', 'pack', '--ignore-scripts', '--pack-destination', folder], {
    cwd: ROOT,
  });
  t.is(packed.code, 0, packed.stderr);
  const tarball = path.join(folder, readdirSync(folder).find(name => name.endsWith('.tgz')) ?? '');
  await assertContents(t, tarball);

  const app = path.join(folder, 'app');
  cpSync(EXAMPLE, app, {
    recursive: true,
    filter: source => !/\/(?:node_modules|data|closefds(?:\.ci)?\.json)$/.test(source),
  });
  const manifest = JSON.parse(readFileSync(path.join(app, 'package.json'), 'utf8'));
  delete manifest.dependencies.closefds;
  writeFileSync(path.join(app, 'package.json'), JSON.stringify(manifest, null, 2));
  for (const { info, text } of BLOCKS) if (info === 'diff') change(t, app, text, 'before');
  return { app, tarball };
}

async function assertContents(t: ExecutionContext, tarball: string): Promise<void> {
  const { stdout } = await runCommand(['tar', '-tzf', tarball]);
  const files = stdout.split('\n').filter(Boolean);
  const prebuilds = `package/prebuilds/${process.platform}-${process.arch}/`;
  for (const wanted of [
    prebuilds,
    'package/dist/compat/index.json',
    'package/config.schema.json',
    'package/README.md',
  ])
    t.true(
      files.some(file => file.startsWith(wanted)),
      wanted,
    );
  // The preloads' maps are shipped.
  const unwanted = files
    .filter(file => !/^package\/dist\/register\/[^/]+\.js\.map$/.test(file))
    .filter(
      file => file.startsWith('package/dist/test') || file.endsWith('.map') || /\.(?:tgz|log)$/.test(file),
    );
  t.deepEqual(unwanted, []);
}

/** Columns are as wide as the longest cell, which the page need not show. */
function assertShown(t: ExecutionContext, text: string, output: string): void {
  const squeeze = (line: string) => line.replace(/ +/g, ' ').trim();
  const lines = output.split('\n').map(squeeze);
  const missing = text
    .split('\n')
    .map(squeeze)
    .filter(line => line !== '' && !lines.some(real => real === line || isCut(line, real)));
  t.deepEqual(missing, [], output);
}

function isCut(line: string, real: string): boolean {
  return line.endsWith(' ...') && real.startsWith(line.slice(0, -4));
}

/** Applies a diff of the page, or takes it back. The file is named in its first line. */
function change(t: ExecutionContext, app: string, diff: string, to: 'before' | 'after'): void {
  const [header = '', ...lines] = diff.trimEnd().split('\n');
  const file = path.join(app, header.replace(/^\+\+\+ /, ''));
  const side = (sign: string) =>
    lines.filter(line => line.startsWith(sign) || line.startsWith(' ')).map(line => `${line.slice(1)}\n`);
  const [from, into] = to === 'after' ? ['-', '+'] : ['+', '-'];
  const text = readFileSync(file, 'utf8');
  const found = side(from ?? '').join('');
  t.is(text.split(found).length, 2, `${file} has once:\n${found}`);
  writeFileSync(
    file,
    text.replace(found, () => side(into ?? '').join('')),
  );
}

async function assertExpiry(t: ExecutionContext, app: string): Promise<void> {
  const config = path.join(app, 'closefds.json');
  writeFileSync(
    config,
    readFileSync(config, 'utf8').replace(/"expires": "[^"]+"/, '"expires": "2020-12-31"'),
  );
  const result = await runCommand(['bash', '-c', 'npm start'], { cwd: app });
  t.is(result.code, 1);
  t.regex(result.stderr, /\[CLOSEFDS_RULE_EXPIRED\] .*closefds\.json#\/rules\/1 expired on 2020-12-31/);
  t.deepEqual(
    findings(result).filter(finding => finding.includes('DESIGNATED')),
    ['CLOSEFDS_DESIGNATED 3 closed: gpg'],
  );
}

const given = (app: string): string[] => {
  try {
    return readdirSync(path.join(app, 'data'))
      .filter(name => name.endsWith('.fds'))
      .map(name => path.join(app, 'data', name));
  } catch {
    return []; // nothing ran yet
  }
};

function held(app: string): Record<string, string[]> {
  const entries = given(app).map(file => {
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    return [
      path.basename(file, '.fds'),
      lines
        .map(split)
        .filter(lasts)
        .map(([fd, target]) => label(fd, target))
        .sort(),
    ];
  });
  return Object.fromEntries(entries);
}

const split = (line: string): [string, string] => [
  line.slice(0, line.indexOf(' ')),
  line.slice(line.indexOf(' ') + 1),
];

/**
 * LevelDB's tables are open only while a thread of its own compacts them: now in a child, now not. In `warn`, the
 * first spawn covers denied strays with placeholders, which refer to /proc/self.
 */
function lasts([, target]: [string, string]): boolean {
  return !target.endsWith('.ldb') && target !== '/proc/self' && target !== CLOSED_AGAIN;
}

/** In place of a target: the database had closed the FD before it was described. */
const CLOSED_AGAIN = 'opened since start';

/** Numbers above 3 depend on what else Node has open, and LevelDB counts its files. */
function label(fd: string, target: string): string {
  return Number(fd) <= 3 ? fd : path.basename(target).replace(/\d+/, '#');
}

/** A warning names one FD, or lists several. */
const WARNING =
  /\[(CLOSEFDS_(?:STRAY|DESIGNATED))\] ClosefdsWarning: \w+ FDs? (.*?) (pass|w(?:as|ere) closed).*? starting "(\w+)".*((?:\n {2}FD .*)*)/g;

function findings({ stderr }: RunResult): string[] {
  return [...stderr.matchAll(WARNING)]
    .flatMap(([, code, one = '', verb, program, several = '']) =>
      [...(several || `FD ${one.replace(' (', ': ')}`).matchAll(/FD (\d+): (?:file )?([^,;)\n]*)/g)]
        .map(([, fd = '', target = '']): [string, string] => [fd, target])
        .filter(lasts)
        .map(
          ([fd, target]) =>
            `${code} ${label(fd, target)} ${verb === 'pass' ? 'passes' : 'closed'}: ${program}`,
        ),
    )
    .sort();
}
