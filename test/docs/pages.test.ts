// Checks the documentation: commands' help, links, configs.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { parseJson } from '../../src/base/json-with-positions';
import { parseConfig } from '../../src/policy/parse-config';
import { fences } from '../support/markdown';
import { ROOT, run } from '../support/run';

const PAGES = [
  ...readdirSync(ROOT).filter(isPage),
  ...['docs', 'docs/dev', 'docs/dev/decisions'].flatMap(folder =>
    readdirSync(path.join(ROOT, folder))
      .filter(isPage)
      .map(name => `${folder}/${name}`),
  ),
  'compat/README.md',
  'compat/PACKAGES.md',
];

function isPage(name: string): boolean {
  return name.endsWith('.md');
}

const read = (page: string) => readFileSync(path.join(ROOT, page), 'utf8');

// ---------------------------------------------------------------------------------------------
// Help
// ---------------------------------------------------------------------------------------------

const CLI = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');

async function help(...args: string[]): Promise<string> {
  const { stdout, code } = await run(CLI, { nodeArgs: [], args: [...args, '--help'] });
  if (code !== 0) throw new Error(`closefds ${args.join(' ')} --help ended with ${code}`);
  return stdout;
}

test('docs/cli.md has the help of each command, and no other', async t => {
  const overview = await help();
  const names = [...overview.matchAll(/^ {2}(\w+) {2,}/gm)].map(([, name = '']) => name);
  t.not(names.length, 0);
  const texts = [overview, ...(await Promise.all(names.map(name => help(name))))];
  const blocks = fences(read('docs/cli.md'), 'text').filter(text => text.startsWith('closefds '));
  t.deepEqual(blocks.sort(), texts.sort());
});

// ---------------------------------------------------------------------------------------------
// Links
// ---------------------------------------------------------------------------------------------

for (const page of PAGES) {
  test(`the links of ${page} have targets`, t => {
    const broken = linksOf(read(page)).filter(link => !leadsSomewhere(link, page));
    t.deepEqual(broken, []);
  });
}

const OTHERS = PAGES.filter(page => page !== 'README.md');

/** The package does not have them, so the README only names them. */
const NOT_IN_PACKAGE = /^docs\/dev\/|^CONTRIBUTING\.md$|^compat\/PACKAGES\.md$/;

/** Pages that a page links to. */
function neighbours(page: string): string[] {
  return linksOf(read(page))
    .map(link => path.posix.join(path.posix.dirname(page), link.replace(/#.*/, '')))
    .filter(target => target !== page && PAGES.includes(target));
}

test('the README leads to every page for users', t => {
  const linked = neighbours('README.md');
  t.deepEqual(
    OTHERS.filter(page => !NOT_IN_PACKAGE.test(page) && !linked.includes(page)),
    [],
  );
});

test('CONTRIBUTING.md and the index of decisions lead to every page for contributors', t => {
  const linked = ['CONTRIBUTING.md', 'docs/dev/decisions/README.md'].flatMap(neighbours);
  t.deepEqual(
    OTHERS.filter(page => page.startsWith('docs/dev/') && !linked.includes(page)),
    [],
  );
});

for (const page of OTHERS.filter(isDecision)) {
  test(`${page} begins with the decision, and has its context and consequences`, t => {
    const text = read(page);
    t.regex(text, /^# .+\n\n\*\*Decision\*\*: /);
    t.deepEqual(
      ['Context', 'Consequences'].filter(heading => !headingsOf(text).includes(heading)),
      [],
    );
  });
}

function isDecision(page: string): boolean {
  return page.startsWith('docs/dev/decisions/') && !page.endsWith('/README.md');
}

test('every page links another page', t => {
  t.deepEqual(
    OTHERS.filter(page => page !== 'CHANGELOG.md' && neighbours(page).length === 0),
    [],
  );
});

function linksOf(text: string): string[] {
  return [...withoutFences(text).matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter(link => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(link: string, from: string): boolean {
  const [file = '', anchor] = link.split('#', 2);
  const target = file === '' ? from : path.posix.join(path.posix.dirname(from), file);
  if (!existsSync(path.join(ROOT, target))) return false;
  return anchor === undefined || headingsOf(read(target)).map(toAnchor).includes(anchor);
}

function headingsOf(text: string): string[] {
  return [...withoutFences(text).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => heading);
}

/** As GitHub makes them. */
function toAnchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');
}

// ---------------------------------------------------------------------------------------------
// Configs
// ---------------------------------------------------------------------------------------------

for (const page of PAGES) {
  for (const [index, block] of fences(read(page), 'json').entries()) {
    test(`${page}, JSON block ${index + 1} is a config that closefds accepts`, t => {
      t.notThrows(() => checkConfig(parseJson(block), page));
    });
  }
}

test('the policy page shows configs', t => {
  t.not(fences(read('docs/policy.md'), 'json').length, 0);
});

test('checkConfig() refuses wrong configs', t => {
  t.throws(() => checkConfig({ ruls: [] }, 'f'), { message: /^f: expected one of the keys/ });
  t.throws(() => checkConfig({ effect: 'alow' }, 'f'), { message: /^f#\/rules\/0\/effect/ });
  t.throws(() => checkConfig({ name: 'app', closefds: { mode: 'x' } }, 'f'), {
    message: /^f#\/closefds\/mode/,
  });
});

/** A config, one rule of it, or a package.json, with or without our key. */
function checkConfig(json: unknown, file: string): void {
  const object = json as Readonly<Record<string, unknown>>;
  if ('effect' in object) parseConfig({ rules: [object] }, file);
  else if ('closefds' in object) parseConfig(object.closefds, file, '/closefds');
  else if (!('name' in object)) parseConfig(object, file);
}

function withoutFences(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, code => code.replace(/[[\]()]/g, ''));
}

test('the index of decisions links each decision once', t => {
  const folder = path.join(ROOT, 'docs', 'dev', 'decisions');
  const links = [...readFileSync(path.join(folder, 'README.md'), 'utf8').matchAll(/\]\((.+?)\)/g)];
  const pages = readdirSync(folder).filter(name => name !== 'README.md');
  t.deepEqual(links.map(([, link]) => link as string).sort(), pages.sort());
});
