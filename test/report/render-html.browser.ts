// The page of `closefds report --html` in a real browser. Run by `npm run verify:browser`.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import anyTest, { type ExecutionContext } from 'ava';
import { servePage } from '../../src/cli/live/page-server';
import { toPage } from '../../src/report/render-html';
import { createReport } from '../../src/report/report';
import { type Browser, type Look, launch, type Page } from '../support/browser';
import { temporaryFolder } from '../support/programs';
import { line } from '../support/report-lines';

const { CHROMIUM, CHROMIUM_MISSING = 'CHROMIUM does not name a browser' } = process.env;
if (CHROMIUM === undefined) process.stderr.write(`All tests of the page are skipped: ${CHROMIUM_MISSING}\n`);
const test = CHROMIUM === undefined ? anyTest.serial.skip : anyTest.serial;

let browser: Browser;
anyTest.before(async () => {
  if (CHROMIUM !== undefined) browser = await launch(CHROMIUM);
});
anyTest.after.always(() => browser?.close());

// ---------------------------------------------------------------------------------------------
// What is shown
// ---------------------------------------------------------------------------------------------

const lmdb = { package: 'lmdb', version: '3.5.6', source: 's' };
const gpg = {
  package: 'gpg',
  version: '0.6.0',
  fileInPackage: 'lib/gpg.js',
  file: '/g.js',
  line: 41,
  launchers: ['execa'],
};
const designated = { code: 'CLOSEFDS_DESIGNATED', target: undefined, childFd: 3 };

const SAMPLE = [
  line({ target: '/data/data.mdb', opener: lmdb, atStart: false, count: 812 }),
  line({ target: '/data/data.mdb', opener: lmdb, atStart: false, count: 96, command: 'git', pid: 140 }),
  line({ target: '/run/deploy.lock', atStart: true, count: 40, time: '2026-11-24T05:00:00.000Z' }),
  line({
    ...designated,
    kind: 'pipe',
    mode: 'warn',
    disposition: 'passed',
    command: 'gpg',
    caller: gpg,
    count: 7,
  }),
  line({
    ...designated,
    kind: 'fd',
    target: '/in.csv',
    mode: 'warn',
    disposition: 'passed',
    used: true,
    use: { verdict: 'used' },
    command: 'python3',
  }),
  line({
    ...designated,
    kind: 'ipc',
    mode: 'strict',
    disposition: 'refused',
    caller: { package: 'pm2', version: '6.0.5' },
  }),
  line({ code: 'CLOSEFDS_RULE_EXPIRED', kind: undefined, route: undefined, what: 'a rule expired' }),
  'torn{"closefds":1,\n',
].join('');

const HOSTILE_TEXTS = [
  '</script><script>globalThis.hacked = 1</script>',
  '<img src=x onerror="hacked = 1">',
  '<!--<script>',
  '"\'><svg onload=hacked=1>',
  'javascript:hacked=1',
  '\u2028\u2029\u0000\u202e',
  '{{constructor.constructor("hacked=1")()}}',
  '__proto__',
  'constructor',
  '&lt;b&gt;',
  '/very'.repeat(800),
];

const HOSTILE = HOSTILE_TEXTS.map(
  text =>
    line({
      target: text,
      command: text,
      announcement: text,
      rule: { source: text },
      opener: { package: text, version: text, source: text },
      caller: {
        package: text,
        version: text,
        declaredName: text,
        file: text,
        fileInPackage: text,
        function: text,
        launchers: [text],
      },
    }) + line({ code: 'CLOSEFDS_STAND_IN', kind: undefined, route: undefined, what: text }),
).join('');

const MANY = Array.from({ length: 5000 }, (_, n) =>
  line({
    target: `/some/path/of/things/data-${n}/LOCK`,
    command: `tool-${n % 40}`,
    count: 1 + (n % 100),
    caller: {
      package: `@scope/package-${n % 60}`,
      version: '1.0.0',
      fileInPackage: `lib/f${n}.js`,
      line: n + 1,
    },
  }),
).join('');

const REPORTS = { sample: SAMPLE, empty: '', hostile: HOSTILE, many: MANY };

async function show(t: ExecutionContext, lines: string, look: Look = {}): Promise<Page> {
  const report = createReport();
  for (const one of lines.split('\n')) report.readLine(one, false, 0);
  const file = path.join(temporaryFolder(t), 'report.html');
  writeFileSync(file, toPage(report.result()));
  return browser.openPage(file, look);
}

const tidy = (text: string) => text.replace(/\s+/g, ' ').trim();

/** Of the cells of a table, row by row. */
async function cells(page: Page, table: string): Promise<string[][]> {
  const rows = await page.evaluate<string[][]>(
    `[...document.querySelectorAll('${table} tbody tr:not(.details)')].map(row => [...row.cells].map(cell => cell.innerText))`,
  );
  return rows.map(row => row.map(tidy));
}

test('the page shows decisions first, then the other groups, the flow and the strays by opener', async t => {
  const page = await show(t, SAMPLE);
  t.deepEqual(
    await page.evaluate(
      `[...document.querySelectorAll('main > :not(noscript)')].map(one => one.id || one.className)`,
    ),
    ['tiles', 'notice', 'decisions', 'groups', 'time', 'flows', 'openers', 'self'],
  );
  t.deepEqual(
    (
      await page.evaluate<string[]>(
        `[...document.querySelectorAll('.card > summary')].map(one => one.innerText)`,
      )
    ).map(tidy),
    [
      'broke pm2@6.0.5 ipc 3 to sh 1',
      'undecided the app fd 3 /in.csv to python3 1',
      'undecided gpg@0.6.0 pipe 3 to gpg 7',
    ],
  );
  t.deepEqual(
    (await cells(page, '#groups table')).map(row => [...row.slice(0, 8), row.at(-2)]),
    [
      [
        'closed',
        '908',
        '2',
        'closed',
        'stray as FD 20',
        '/data/data.mdb',
        'the app /app/server.js:3',
        'sh, git',
        '2026-11-24 03:11:38',
      ],
      [
        'closed',
        '40',
        '1',
        'closed',
        'stray as FD 20',
        '/run/deploy.lock',
        'the app /app/server.js:3',
        'sh',
        '2026-11-24 05:00:00',
      ],
    ],
  );
  t.deepEqual(await cells(page, '#flows table'), [
    ['the app', 'sh 852 git 96 python3 1', '', '949', '3'],
    ['gpg@0.6.0', 'gpg 7', '', '7', '1'],
    ['pm2@6.0.5', 'sh 1', '', '1', '1'],
  ]);
  t.deepEqual(await cells(page, '#openers table'), [
    ['lmdb@3.5.6', '/data/data.mdb', '', '908'],
    ['inherited at start', '/run/deploy.lock', '', '40'],
  ]);
  t.deepEqual(await cells(page, '#self table'), [
    ['CLOSEFDS_RULE_EXPIRED', 'a rule expired', '1', '1', '2026-11-24 03:11:38'],
  ]);
  await page.evaluate(`document.querySelector('#time details details').open = true`);
  t.deepEqual(await cells(page, '#time table'), [
    ['2026-11-24 03:11:00', '8', '908', '1'],
    ['2026-11-24 05:00:00', '0', '40', '0'],
  ]);
});

test('states have sums, with the same words as in the cards and the table', async t => {
  const page = await show(t, SAMPLE);
  t.deepEqual(
    (
      await page.evaluate<string[]>(
        `[...document.querySelectorAll('.tile')].map(one => one.querySelector('.badge').innerText + ': ' + one.querySelector('dd').innerText)`,
      )
    ).map(tidy),
    [
      'broke: 1 group, 1',
      'undecided: 2 groups, 8',
      'closed: 2 groups, 948',
      'allowed: 0 groups, 0',
      'noise: 0 groups, 0',
    ],
  );
});

test('a card has the sentence, the evidence and a rule that one click copies', async t => {
  const hostile = '/\u202e"`</script>';
  const page = await show(
    t,
    line({
      ...designated,
      kind: 'fd',
      target: hostile,
      announcement: '--log-fd 3',
      caller: gpg,
      command: hostile,
    }),
  );
  t.regex(
    await page.evaluate(`document.querySelector('.sentence').innerText`),
    /^Designated FD 3 \(.*\) was closed: gpg@0\.6\.0, through execa/,
  );
  t.is(
    await page.evaluate(`document.querySelector('.evidence').innerText`),
    'Announced to the child by "--log-fd 3".',
  );
  await page.click('.rule button');
  t.deepEqual(JSON.parse(await page.clipboard()), {
    caller: 'gpg',
    kinds: ['fd'],
    fds: [3],
    effect: 'allow',
    reason: '...',
  });
  t.is(await page.evaluate(`document.querySelector('.rule [role=status]').innerText`), 'Copied.');
});

test('a change of the mode is marked', async t => {
  const at = (minute: number, mode: string) => line({ mode, time: `2026-11-24T03:0${minute}:00.000Z` });
  const page = await show(t, at(0, 'warn') + at(1, 'warn') + at(5, 'enforce'));
  t.deepEqual(
    await page.evaluate(`[...document.querySelectorAll('.mode-change')].map(one => one.innerText)`),
    ['enforce'],
  );
  t.regex(
    await page.evaluate(`document.querySelector('#time').innerText`),
    /Modes changed: 2026-11-24 03:05:00: warn to enforce\./,
  );
});

test('heights in the flow are linear', async t => {
  const page = await show(
    t,
    line({ count: 14_573, command: 'a' }) + line({ count: 318, command: 'b', target: '/b' }),
  );
  const [large = 0, small = 0] = await page.evaluate<number[]>(
    `[...document.querySelectorAll('.node')].slice(-2).map(one => Number(one.getAttribute('height')))`,
  );
  t.true(Math.abs(large / small - 14_573 / 318) < 0.5, `${large} and ${small}`);
});

test('services in one file are told apart, and can be chosen', async t => {
  const page = await show(t, line({ app: 'api@2.1.0' }) + line({ app: 'worker@1.0.0', count: 3 }));
  t.deepEqual(
    (await cells(page, '#groups table')).map(row => row[6]),
    ['worker@1.0.0 /app/server.js:3', 'api@2.1.0 /app/server.js:3'],
  );
  await page.evaluate(`{
    const control = document.querySelector('.field.service select');
    control.value = 'api@2.1.0';
    control.dispatchEvent(new Event('input', { bubbles: true }));
  }`);
  t.is((await cells(page, '#groups table')).length, 1);
});

test('fifty groups are at most 3,000 pixels high on a phone', async t => {
  const stray = (n: number) =>
    line({
      target: `/some/long/path/to/a/file/of/shard-${n}/data.mdb`,
      app: 'a-service@1.0.0',
      childFd: n + 3,
    });
  const needing = (n: number) =>
    line({ ...designated, kind: 'fd', target: `/in-${n}.csv`, announcement: '--fd 3' });
  for (const open of [0, 10, 50]) {
    const lines = Array.from({ length: 50 }, (_, n) => (n < open ? needing(n) : stray(n))).join('');
    const page = await show(t, lines, { width: 390, height: 844 });
    const height = await page.evaluate<number>('document.documentElement.scrollHeight');
    t.true(height <= 3000, `${height} pixels with ${open} decisions`);
  }
});

test('on a phone the filters are behind a button, and a row opens', async t => {
  const page = await show(t, SAMPLE, { width: 390, height: 844 });
  const isShown = (selector: string) =>
    page.evaluate(`document.querySelector('${selector}').getClientRects().length > 0`);
  t.false(await isShown('.field.kind'));
  await page.click('[aria-controls=more-filters]');
  t.true(await isShown('.field.kind'));
  await page.click('[aria-controls=group-0]');
  t.regex(
    await page.evaluate(`document.querySelector('#group-0').innerText`),
    /Most likely opened by lmdb@3\.5\.6\./,
  );
});

for (const { title, action, groups, openers } of [
  { title: 'a text', action: `type('text', 'Data.MDB')`, groups: '1 of 5 groups, 908 findings', openers: 1 },
  { title: 'a launcher', action: `type('text', 'execa')`, groups: '1 of 5 groups, 7 findings', openers: 0 },
  {
    title: 'an outcome',
    action: `type('outcome', 'passed')`,
    groups: '2 of 5 groups, 8 findings',
    openers: 0,
  },
  { title: 'a state', action: `type('state', 'closed')`, groups: '2 of 5 groups, 948 findings', openers: 2 },
  {
    title: 'a need',
    action: `type('state', 'needs a decision')`,
    groups: '3 of 5 groups, 9 findings',
    openers: 0,
  },
  {
    title: 'all designated',
    action: `type('kind', 'designated')`,
    groups: '3 of 5 groups, 9 findings',
    openers: 0,
  },
  { title: 'a kind', action: `type('kind', 'stray')`, groups: '2 of 5 groups, 948 findings', openers: 2 },
  {
    title: 'a caller',
    action: `type('caller', 'gpg@0.6.0')`,
    groups: '1 of 5 groups, 7 findings',
    openers: 0,
  },
  { title: 'a use', action: `type('used', 'used')`, groups: '1 of 5 groups, 1 finding', openers: 0 },
  {
    title: 'nothing left',
    action: `type('text', 'nowhere')`,
    groups: '0 of 5 groups, 0 findings',
    openers: 0,
  },
  {
    title: 'a caller of the table',
    action: `document.querySelectorAll('#flows button')[1].click()`,
    groups: '1 of 5 groups, 7 findings',
    openers: 0,
  },
  {
    title: 'a reset',
    action: `type('text', 'x'); document.querySelector('#more-filters button').click()`,
    groups: 'All 5 groups',
    openers: 2,
  },
] as const) {
  test(`the filters work: ${title}`, async t => {
    const page = await show(t, SAMPLE);
    await page.evaluate(`
      globalThis.type = (name, value) => {
        const control = document.querySelector('.field.' + name + ' :is(input, select)');
        control.value = value;
        control.dispatchEvent(new Event('input', { bubbles: true }));
      }
      ${action}`);
    t.is(await page.evaluate(`document.querySelector('.status').textContent`), groups);
    t.is((await cells(page, '#openers table')).length, openers);
  });
}

test('the page shows one group and the effect of a candidate', async t => {
  const candidate = { effect: 'deny', disposition: 'closed', rule: { source: 'c' } };
  const use = { verdict: 'used', program: '/usr/bin/cat', version: '9.1' };
  const given = {
    ...designated,
    kind: 'pipe',
    mode: 'warn',
    disposition: 'passed',
    candidate,
    used: true,
    use,
  };
  const page = await show(t, line({ ...given, childFd: 4, count: 3 }) + line(given));
  const texts = (selector: string) =>
    page.evaluate<string[]>(`[...document.querySelectorAll('${selector}')].map(each => each.innerText)`);
  t.deepEqual(await texts('.status'), ['1 group']);
  t.deepEqual(await texts('.axis span'), ['2026-11-24 03:11:38']);
  t.deepEqual((await texts('.evidence li')).slice(-1), ['With the candidate policy it would be closed.']);
  t.deepEqual((await texts('.field.outcome option')).slice(-1), ['candidate differs']);
  await page.click('.all-facts summary');
  // They are made by the event of the opening, which comes after the click.
  await page.until(`document.querySelector('.facts') !== null`);
  t.regex((await texts('.facts')).join(), /Used by\s+\/usr\/bin\/cat 9\.1 4/);
});

test('an empty report says so in words', async t => {
  const page = await show(t, '');
  t.is(
    tidy(await page.evaluate('document.querySelector("main").innerText')),
    'As far as these files tell, nothing was passed without a rule, and nothing had to be closed.',
  );
});

test('without scripts the page says what to do', async t => {
  const page = await show(t, SAMPLE, { noScripts: true });
  t.regex(await page.evaluate('document.querySelector("main").innerText'), /^This page needs JavaScript\./);
  t.regex(await page.evaluate('document.querySelector("header").innerText'), /\n958 findings in 2 processes/);
});

test('5,000 groups: a hundred at a time', async t => {
  const page = await show(t, MANY);
  const caption = () => page.evaluate<string>(`document.querySelector('.groups caption').textContent`);
  t.is((await cells(page, '.groups')).length, 100);
  t.regex(await caption(), /^Groups 1 to 100 of 5,000:/);
  await page.evaluate(`document.querySelectorAll('.pages button')[1].click()`);
  t.regex(await caption(), /^Groups 101 to 200 of 5,000:/);
  t.is(await page.evaluate('document.activeElement.id'), 'groups-title');
  await page.evaluate(`document.querySelector('[data-sort=target]').click()`);
  const targets = (await cells(page, '.groups')).map(row => row[5] ?? '');
  t.deepEqual(targets, [...targets].sort());
  await page.evaluate(`document.querySelector('#flows .more').click()`);
  t.is((await cells(page, '#flows table')).length, 60);
});

// ---------------------------------------------------------------------------------------------
// Looks
// ---------------------------------------------------------------------------------------------

for (const [name, lines] of Object.entries(REPORTS)) {
  for (const width of [320, 390, 768, 1400]) {
    test(`${name} at ${width} pixels: no scrolling sideways, nothing cut off, nothing fetched`, async t => {
      const page = await show(t, lines, { width });
      t.is(await page.evaluate('document.documentElement.scrollWidth'), width);
      t.deepEqual(
        await page.evaluate(`
          [...document.querySelectorAll('body *')]
            .filter(one => one.getClientRects().length > 0 && !one.closest('svg, .hidden, thead, option, .title, .cell-caller, .cell-target'))
            .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
            .map(one => one.outerHTML.slice(0, 200))`),
        [],
      );
      t.deepEqual(page.complaints, []);
      t.deepEqual(
        page.requests.filter(url => !url.startsWith('file:') && url !== 'data:,'),
        [],
      );
      t.true(page.requests.length <= 2);
    });
  }
}

/** Of all text that is seen: what is below the ratio that WCAG AA asks for. */
const LOW_CONTRAST = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = colour => {
    const [r, g, b] = colour.map(value => value / 255).map(v => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgroundOf = one => {
    for (let at = one; at !== null; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return rgba(getComputedStyle(document.documentElement).colorScheme === 'dark' ? 'black' : 'white');
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const low = new Set();
  let seen = 0;
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() === '' || one.getClientRects().length === 0 || one.closest('script, style, .hidden, svg title')) continue;
    seen++;
    const style = getComputedStyle(one);
    const text = rgba(one.closest('svg') ? style.fill : style.color);
    const [a, b] = [luminance(text), luminance(backgroundOf(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.add(one.tagName + '.' + one.className + ' ' + ratio.toFixed(2));
  }
  return { seen, low: [...low] };
})()`;

for (const scheme of ['light', 'dark'] as const) {
  for (const width of [390, 1400]) {
    test(`contrast, ${scheme}, ${width} pixels`, async t => {
      const page = await show(t, SAMPLE, { scheme, width });
      await page.evaluate(`for (const one of document.querySelectorAll('details')) one.open = true;
        for (const one of document.querySelectorAll('[aria-expanded=false]')) one.click();`);
      const { seen, low } = await page.evaluate<{ seen: number; low: string[] }>(LOW_CONTRAST);
      t.true(seen > 100);
      t.deepEqual(low, []);
    });
  }
}

test('light and dark differ, and paper is always light', async t => {
  const background = 'getComputedStyle(document.body).backgroundColor';
  const light = await (await show(t, SAMPLE, { scheme: 'light' })).evaluate(background);
  const dark = await (await show(t, SAMPLE, { scheme: 'dark' })).evaluate(background);
  // A4, less its margins.
  const paper = await show(t, SAMPLE, { scheme: 'dark', media: 'print', width: 718 });
  t.not(light, dark);
  t.is(await paper.evaluate(background), 'rgb(255, 255, 255)');
  t.is(await paper.evaluate(`getComputedStyle(document.querySelector('.filters')).display`), 'none');
  t.deepEqual((await paper.evaluate<{ low: string[] }>(LOW_CONTRAST)).low, []);
  t.is(await paper.evaluate('document.documentElement.scrollWidth'), 718);
  t.is(String((await paper.print()).subarray(0, 5)), '%PDF-');
});

// ---------------------------------------------------------------------------------------------
// Keyboard and names
// ---------------------------------------------------------------------------------------------

const FOCUSED = `(() => {
  const one = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(one);
  const { left, top, width, height } = one.getBoundingClientRect();
  const on = document.elementFromPoint(left + Math.min(width / 2, 20), top + height / 2);
  return {
    name: (one.getAttribute('aria-label') ?? one.labels?.[0]?.querySelector('span').textContent ?? one.textContent).trim(),
    isSeen: outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2 && on !== null && (one.contains(on) || on.contains(one)),
  };
})()`;

interface Focused {
  readonly name: string;
  readonly isSeen: boolean;
}

/** To the end of the page, where the focus leaves it. */
async function walk(page: Page, key: 'Tab' | 'Shift+Tab'): Promise<Focused[]> {
  const reached: Focused[] = [];
  for (;;) {
    await page.press(key);
    if (await page.evaluate('document.activeElement === document.body')) return reached;
    reached.push(await page.evaluate(FOCUSED));
  }
}

const CARDS = [
  'brokepm2@6.0.5 ipc 3 to sh1',
  'undecidedthe app fd 3 /in.csv to python31',
  'undecidedgpg@0.6.0 pipe 3 to gpg7',
];

test('the keyboard reaches everything, in order, and the focus is seen', async t => {
  const page = await show(t, SAMPLE, { height: 700 });
  const reached = await walk(page, 'Tab');
  t.deepEqual(
    [...reached, ...(await walk(page, 'Shift+Tab'))].filter(({ isSeen }) => !isSeen),
    [],
  );
  t.deepEqual(
    reached.map(({ name }) => name.replace(/[\u2191\u2193]/, '')),
    [
      ...['To the groups', 'Search', 'Filters', 'State', 'Outcome', 'Kind', 'Who', 'Use', 'Reset'],
      ...CARDS.flatMap(card => [card, 'Copy the rule', 'All facts']),
      ...['State', 'Count', 'Processes', 'Outcome', 'What', 'Target', 'Who', 'To', 'Over time', 'Last seen'],
      ...['/data/data.mdb', '/run/deploy.lock'].map(target => `Details of the app, stray, ${target}`),
      ...['Over time', 'Show', 'The numbers'],
      ...['Who passes what to whom', 'the app', 'gpg@0.6.0', 'pm2@6.0.5'],
      ...['Strays by who most likely opened them', 'About closefds itself'],
    ],
  );
});

test('sorting and details by keyboard keep the focus', async t => {
  const page = await show(t, SAMPLE);
  const sorted = () =>
    page.evaluate(
      `[...document.querySelectorAll('[aria-sort]:not([aria-sort=none])')].map(one => one.innerText.trim().replace(/[^a-z]/gi, '') + ' ' + one.ariaSort)`,
    );
  t.deepEqual(await sorted(), ['State ascending']);
  await page.evaluate(`document.querySelector('[data-sort=target]').focus()`);
  for (const order of ['ascending', 'descending']) {
    await page.press('Enter');
    t.deepEqual(await sorted(), [`Target ${order}`]);
    t.is(await page.evaluate('document.activeElement.dataset.sort'), 'target');
  }
  await page.evaluate(`document.querySelector('.groups [aria-expanded]').focus()`);
  await page.press('Space');
  t.is(await page.evaluate('document.activeElement.ariaExpanded'), 'true');
  t.regex(
    await page.evaluate(`document.querySelector('.details:not([hidden])').innerText`),
    /Place\s+\/app\/server\.js:3/,
  );
});

test('each table has a caption and headers, each control a name', async t => {
  const page = await show(t, SAMPLE);
  t.deepEqual(
    await page.evaluate(`({
      bare: [...document.querySelectorAll('table')].filter(one => !one.caption?.textContent || one.querySelectorAll('thead th[scope=col]').length === 0).length,
      rows: [...document.querySelectorAll('tbody tr:not(.details)')].filter(row => row.querySelectorAll('th[scope=row]').length !== 1).length,
      nameless: [...document.querySelectorAll('input, select')].filter(one => one.labels.length === 0).length,
      pictures: [...document.querySelectorAll('[role=img]')].filter(one => !(one.ariaLabel || one.querySelector('title'))).length,
      headings: [...document.querySelectorAll('h1, h2, h3')].map(one => one.tagName).join(' '),
      live: document.querySelectorAll('[role=status]').length,
    })`),
    { bare: 0, rows: 0, nameless: 0, pictures: 0, headings: 'H1 H2 H2 H2 H2 H2 H2', live: 4 },
  );
});

// ---------------------------------------------------------------------------------------------
// A served page
// ---------------------------------------------------------------------------------------------

/** A page that shows each report that it is given. */
async function showServed(t: ExecutionContext, look: Look = {}) {
  const maker = createReport();
  const add = (lines: string) => {
    for (const one of lines.split('\n')) maker.readLine(one, false, 0);
    return maker.result(true);
  };
  const server = await servePage(0, add(''));
  t.teardown(() => server.end(maker.result()));
  const page = await browser.openPage(server.address, look);
  const shown = async (lines: string) => {
    const next = add(lines);
    server.show(next);
    const head = `${next.total.count.toLocaleString('en')} finding`;
    await page.until(`document.getElementById('head').textContent.startsWith('${head}')`);
  };
  return { page, server, shown, end: () => server.end(maker.result()) };
}

const STATE_OF_PAGE = `({
  head: document.getElementById('head').textContent.split(' in ')[0],
  search: document.querySelector('input').value,
  caret: document.querySelector('input').selectionStart,
  focus: document.activeElement.type,
  state: document.querySelector('.field.state select').value,
  rows: [...document.querySelectorAll('.groups tbody tr:not(.details) .cell-target')].map(one => one.innerText),
  sorted: document.querySelector('[aria-sort]:not([aria-sort=none]) [data-sort]').dataset.sort,
  open: [...document.querySelectorAll('.groups [aria-expanded=true]')].map(one => one.ariaLabel.split(', ').at(-1)),
  cards: [...document.querySelectorAll('.card')].map(one => one.open),
  time: document.querySelector('#time > details').open,
})`;

test('a served page updates by itself, and keeps what was chosen, unfolded and focused', async t => {
  const { page, shown } = await showServed(t);
  await shown(SAMPLE);
  await page.evaluate(`{
    const set = (selector, value) => {
      const control = document.querySelector(selector);
      control.value = value;
      control.dispatchEvent(new Event('input', { bubbles: true }));
    };
    set('input', 'app');
    document.querySelector('[data-sort=target]').click();
    document.querySelector('.groups [aria-expanded]').click();
    document.querySelector('.card').open = false;
    document.querySelector('#time > details').open = false;
    document.querySelector('input').focus();
    document.querySelector('input').setSelectionRange(1, 1);
  }`);
  const before = await page.evaluate<{ rows: string[]; open: string[]; cards: boolean[] }>(STATE_OF_PAGE);
  t.deepEqual(before, {
    head: '958 findings',
    search: 'app',
    caret: 1,
    focus: 'search',
    state: '',
    rows: ['/data/data.mdb', '/run/deploy.lock'],
    sorted: 'target',
    open: ['/data/data.mdb'],
    cards: [false],
    time: false,
  } as unknown as typeof before);
  await shown(
    line({ target: '/a', count: 42 }) + line({ ...designated, kind: 'pipe', announcement: 'A=3', count: 1 }),
  );
  t.deepEqual(await page.evaluate(STATE_OF_PAGE), {
    ...before,
    head: '1,001 findings',
    rows: ['/a', ...before.rows],
    cards: [true, false],
  });
  t.deepEqual(page.complaints, []);
});

test('a served page begins empty, waits while text is selected, and says that it ended', async t => {
  const { page, server, shown, end } = await showServed(t);
  t.regex(await page.evaluate(`document.querySelector('main').innerText`), /^As far as these files tell/);
  await shown(SAMPLE);
  await page.evaluate(`getSelection().selectAllChildren(document.querySelector('.sentence'))`);
  const more = createReport();
  more.readLine(line({ count: 7 }), false, 0);
  server.show(more.result());
  // The event comes, and nothing is fetched: the next event would be answered by the same.
  await page.evaluate(`fetch('report.json').then(answer => answer.text())`);
  t.regex(await page.evaluate(`document.getElementById('head').textContent`), /^958 findings/);
  await page.evaluate('getSelection().removeAllRanges()');
  await page.until(`document.getElementById('head').textContent.startsWith('7 findings')`);
  t.is(await page.evaluate(`document.getElementById('live').textContent`), 'Live.');
  await end();
  await page.until(`document.getElementById('live').textContent.startsWith('Not live any more')`);
});

// ---------------------------------------------------------------------------------------------
// Injection
// ---------------------------------------------------------------------------------------------

test('paths and names are shown as text', async t => {
  const page = await show(t, HOSTILE);
  await page.evaluate(`for (const one of document.querySelectorAll('[aria-expanded=false]')) one.click()`);
  const texts = (await cells(page, '.groups')).map(row => row[5] ?? '');
  const shown = HOSTILE_TEXTS.map(text =>
    text.length > 44
      ? `${text.slice(0, 21)}\u2026${text.slice(-21)}`
      : text.replace('\u2028\u2029\0\u202e', String.raw`\u{2028}\u{2029}\x00\u{202e}`),
  );
  t.deepEqual(texts.sort(), shown.sort());
  const whole = await page.evaluate<string>(`document.querySelector('#groups').textContent`);
  t.deepEqual(
    HOSTILE_TEXTS.filter(text => text.length > 44 && !whole.includes(text)),
    [],
  );
  t.deepEqual(
    await page.evaluate(`({
      hacked: typeof globalThis.hacked,
      scripts: document.scripts.length,
      others: document.querySelectorAll('img, iframe, object, embed, main script, main style, main link, [onload], [onerror], [href^=javascript]').length,
      prototype: Object.keys(Object.prototype).length,
    })`),
    { hacked: 'undefined', scripts: 2, others: 0, prototype: 0 },
  );
  t.deepEqual(page.complaints, []);
});

test('the policy of the page stops a script that would get in', async t => {
  const page = await show(t, SAMPLE);
  await page.evaluate(`{
    const script = document.createElement('script');
    script.textContent = 'globalThis.hacked = 1';
    document.body.append(script);
    document.body.insertAdjacentHTML('beforeend', '<svg onload="globalThis.hacked = 2"></svg><style>body { color: red }</style>');
  }`);
  t.is(await page.evaluate('typeof globalThis.hacked'), 'undefined');
  t.not(await page.evaluate('getComputedStyle(document.body).color'), 'rgb(255, 0, 0)');
  await t.throwsAsync(page.evaluate(`fetch('https://localhost/')`));
});
