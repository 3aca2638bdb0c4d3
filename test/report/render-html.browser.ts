// The page of `closefds report --html` in a real browser. Run by `npm run verify:browser`.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import anyTest, { type ExecutionContext } from 'ava';
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

test('the page shows the flow, the strays by opener and the groups', async t => {
  const page = await show(t, SAMPLE);
  t.deepEqual(await cells(page, '#flows table'), [
    ['the app', 'sh 852 git 96 python3 1', '', '949', '3'],
    ['gpg@0.6.0', 'gpg 7', '', '7', '1'],
    ['pm2@6.0.5', 'sh 1', '', '1', '1'],
  ]);
  t.deepEqual(await cells(page, '#openers table'), [
    ['lmdb@3.5.6', '/data/data.mdb', '', '908'],
    ['inherited at start', '/run/deploy.lock', '', '40'],
  ]);
  t.deepEqual(
    (await cells(page, '#groups table')).map(row => row.slice(0, 8)),
    [
      [
        '908',
        '2',
        'closed',
        'stray as FD 20',
        '/data/data.mdb',
        'the app /app/server.js:3',
        'sh, git',
        '\u2013',
      ],
      ['40', '1', 'closed', 'stray as FD 20', '/run/deploy.lock', 'the app /app/server.js:3', 'sh', '\u2013'],
      ['7', '1', 'passed', 'pipe as FD 3', '\u2013', 'gpg@0.6.0 lib/gpg.js:41', 'gpg', '\u2013'],
      ['1', '1', 'passed', 'open FD as FD 3', '/in.csv', 'the app /app/server.js:3', 'python3', 'used'],
      ['1', '1', 'refused', 'message channel as FD 3', '\u2013', 'pm2@6.0.5', 'sh', '\u2013'],
    ],
  );
  t.deepEqual(await cells(page, '#self table'), [
    ['CLOSEFDS_RULE_EXPIRED', 'a rule expired', '1', '1', '2026-11-24 03:11:38'],
  ]);
  await page.evaluate(`document.querySelector('#time details').open = true`);
  t.deepEqual(await cells(page, '#time table'), [
    ['2026-11-24 03:11:00', '8', '908', '1'],
    ['2026-11-24 05:00:00', '0', '40', '0'],
  ]);
});

for (const [title, action, groups, openers] of [
  ['a text', `type('text', 'Data.MDB')`, '1 of 5 groups, 908 findings', 1],
  ['a launcher', `type('text', 'execa')`, '1 of 5 groups, 7 findings', 0],
  ['what became', `type('became', 'passed')`, '2 of 5 groups, 8 findings', 0],
  ['a kind', `type('kind', 'stray')`, '2 of 5 groups, 948 findings', 2],
  ['a caller', `type('caller', 'gpg@0.6.0')`, '1 of 5 groups, 7 findings', 0],
  ['a use', `type('used', 'used')`, '1 of 5 groups, 1 finding', 0],
  ['nothing left', `type('text', 'nowhere')`, '0 of 5 groups, 0 findings', 0],
  [
    'a caller of the table',
    `document.querySelectorAll('#flows button')[1].click()`,
    '1 of 5 groups, 7 findings',
    0,
  ],
  ['a reset', `type('text', 'x'); document.querySelector('.filters button').click()`, 'All 5 groups', 2],
] as const) {
  test(`the filters work: ${title}`, async t => {
    const page = await show(t, SAMPLE);
    await page.evaluate(`
      function type(name, value) {
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
  t.deepEqual((await texts('.tile')).map(tidy).slice(-2), ['process 1', 'group 1']);
  t.deepEqual(await texts('.axis span'), ['2026-11-24 03:11:38']);
  t.deepEqual((await cells(page, '#groups table'))[0]?.slice(2, 4), [
    'passed candidate: closed',
    'pipe as FD 3, 4',
  ]);
  t.deepEqual((await texts('.field.became option')).slice(-1), ['candidate differs']);
  await page.evaluate(`document.querySelector('[aria-expanded]').click()`);
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
  const targets = (await cells(page, '.groups')).map(row => row[4] ?? '');
  t.deepEqual(targets, [...targets].sort());
  await page.evaluate(`document.querySelector('#flows .more').click()`);
  t.is((await cells(page, '#flows table')).length, 60);
});

// ---------------------------------------------------------------------------------------------
// Looks
// ---------------------------------------------------------------------------------------------

for (const [name, lines] of Object.entries(REPORTS)) {
  for (const width of [320, 360, 768, 1280]) {
    test(`${name} at ${width} pixels: no scrolling sideways, nothing cut off, nothing fetched`, async t => {
      const page = await show(t, lines, { width });
      t.is(await page.evaluate('document.documentElement.scrollWidth'), width);
      t.deepEqual(
        await page.evaluate(`
          [...document.querySelectorAll('body *')]
            .filter(one => one.getClientRects().length > 0 && !one.closest('svg, .hidden, thead, option'))
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
  for (const width of [360, 1280]) {
    test(`contrast, ${scheme}, ${width} pixels`, async t => {
      const page = await show(t, SAMPLE, { scheme, width });
      await page.evaluate(`for (const one of document.querySelectorAll('details')) one.open = true;
        for (const one of document.querySelectorAll('[aria-expanded]')) one.click();`);
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

async function walk(page: Page, key: 'Tab' | 'Back', steps: number): Promise<Focused[]> {
  const reached: Focused[] = [];
  for (let step = 0; step < steps; step++) {
    await page.press(key);
    reached.push(await page.evaluate(FOCUSED));
  }
  return reached;
}

test('the keyboard reaches everything, in order, and the focus is seen', async t => {
  const page = await show(t, SAMPLE, { height: 500 });
  const reached = await walk(page, 'Tab', 26);
  t.deepEqual(
    [...reached, ...(await walk(page, 'Back', 25))].filter(({ isSeen }) => !isSeen),
    [],
  );
  t.deepEqual(
    reached.map(({ name }) => name.replace(/[\u2191\u2193]/, '')),
    [
      ...['To the groups', 'Show', 'The numbers'],
      ...['Search', 'What became', 'Kind', 'Caller', 'Use', 'Reset'],
      ...['the app', 'gpg@0.6.0', 'pm2@6.0.5'],
      ...['Findings', 'Processes', 'Became', 'What', 'Target', 'Caller', 'Commands', 'Use', 'Last seen'],
      ...[
        'the app, stray /data/data.mdb',
        'the app, stray /run/deploy.lock',
        'gpg@0.6.0, pipe',
        'the app, fd /in.csv',
      ].map(of => `Details of ${of}`),
      'Details of pm2@6.0.5, ipc',
    ],
  );
});

test('sorting and details by keyboard keep the focus', async t => {
  const page = await show(t, SAMPLE);
  const sorted = () =>
    page.evaluate(
      `[...document.querySelectorAll('[aria-sort]:not([aria-sort=none])')].map(one => one.innerText.trim().slice(0, 6) + ' ' + one.ariaSort)`,
    );
  t.deepEqual(await sorted(), ['Findin descending']);
  await page.evaluate(`document.querySelector('[data-sort=target]').focus()`);
  for (const order of ['ascending', 'descending']) {
    await page.press('Enter');
    t.deepEqual(await sorted(), [`Target ${order}`]);
    t.is(await page.evaluate('document.activeElement.dataset.sort'), 'target');
  }
  await page.evaluate(`document.querySelector('[aria-expanded]').focus()`);
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
    { bare: 0, rows: 0, nameless: 0, pictures: 0, headings: 'H1 H2 H2 H2 H2 H2', live: 1 },
  );
});

// ---------------------------------------------------------------------------------------------
// Injection
// ---------------------------------------------------------------------------------------------

test('paths and names are shown as text', async t => {
  const page = await show(t, HOSTILE);
  await page.evaluate(`for (const one of document.querySelectorAll('[aria-expanded]')) one.click()`);
  const texts = (await cells(page, '.groups')).map(row => row[4] ?? '');
  const shown = HOSTILE_TEXTS.map(text =>
    text.length > 120
      ? `${text.slice(0, 59)}\u2026${text.slice(-59)}`
      : text.replace('\u2028\u2029\0\u202e', String.raw`\u{2028}\u{2029}\x00\u{202e}`),
  );
  t.deepEqual(texts.sort(), shown.sort());
  const whole = await page.evaluate<string>(`document.querySelector('#groups').textContent`);
  t.deepEqual(
    HOSTILE_TEXTS.filter(text => text.length > 120 && !whole.includes(text)),
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
