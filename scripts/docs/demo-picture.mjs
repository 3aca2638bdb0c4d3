// npm run docs:demo: runs the demo and writes what it prints to docs/images/demo.svg, line after line as in a terminal.
// With `--check` it only tells whether the picture shows what the demo prints.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { escapeXml, svg } from './svg.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const PICTURE = path.join(ROOT, 'docs', 'images', 'demo.svg');

/** Pixels. */
const [MARGIN, LINE, CHARACTER] = [16, 18, 7.83];
/** Where the right column of the demo begins, in characters. */
const RIGHT = 48;
/** Seconds until the first line, between two lines, and before a question's answer. */
const [START, PER_LINE, PAUSE] = [0.6, 0.12, 1];

/** The picture of the demo's output. */
export function demoPicture(output) {
  const lines = ['$ npm run demo', '', ...output.trimEnd().split('\n')];
  let at = 0;
  const shown = lines.map((line, index) => {
    at += index === 1 ? START : isAnswer(lines, index) ? PAUSE : PER_LINE;
    const y = MARGIN + LINE * index + 12;
    return line === ''
      ? ''
      : `<text class="line" x="${MARGIN}" y="${y}" style="animation-delay: ${at.toFixed(2)}s">${parts(line)}</text>`;
  });
  const longest = Math.max(...lines.map(line => line.length));
  return svg({
    width: Math.ceil(2 * MARGIN + longest * CHARACTER),
    height: 2 * MARGIN + LINE * lines.length,
    title: 'The demo: the same two programs without closefds, where files leak to children, and with it',
    style: `@keyframes show { from { opacity: 0; } to { opacity: 1; } }
.line { animation: show 0.05s both; }
@media (prefers-reduced-motion: reduce) { .line { animation: none; } }
`,
    body: shown.filter(line => line !== '').join('\n'),
  });
}

/** The first line below the heading of the two columns. */
function isAnswer(lines, index) {
  return /^ {2}-+ {2}-+$/.test(lines[index - 1] ?? '');
}

/** A line of the two columns: what leaks, and what does not. */
function parts(line) {
  const [left, right] = [line.slice(0, RIGHT), line.slice(RIGHT)];
  if (/^\$ /.test(line)) return `<tspan class="quiet">$ </tspan>${escapeXml(line.slice(2))}`;
  if (/^ {2}\(/.test(line) || /^ {2}-/.test(line)) return `<tspan class="quiet">${escapeXml(line)}</tspan>`;
  if (/^ {2}node app\.js/.test(line) || !line.startsWith('  ') || line.startsWith('    node'))
    return escapeXml(line);
  const good = right === '' ? '' : `<tspan class="good">${escapeXml(right)}</tspan>`;
  return `<tspan class="bad">${escapeXml(left)}</tspan>${good}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const output = execFileSync(process.execPath, [path.join(ROOT, 'examples', 'demo.mjs')], {
    encoding: 'utf8',
  });
  const picture = demoPicture(output);
  if (!process.argv.includes('--check')) writeFileSync(PICTURE, picture);
  else if (readFileSync(PICTURE, 'utf8') !== picture) {
    console.error('docs/images/demo.svg does not show what the demo prints: npm run docs:demo');
    process.exitCode = 1;
  }
}
