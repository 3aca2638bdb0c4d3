// Renders a report as one HTML file, which fetches nothing: it contains style, script and data. Where closefds
// serves it, it fetches newer data.
//
// Paths and names are untrusted. The data is JSON in a script element that no browser runs, with all
// characters escaped that could end the element; page.js creates text nodes from it, never HTML; and
// the content security policy allows only our own script and style, by their hashes.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Tally } from '../base/counter';
import { escapeControlChars } from '../base/sanitize';
import { TALLIES, type TallyDeclaration } from '../findings/fields';
import { type AssessedGroup, STATE_MEANINGS, STATES } from './assess';
import { ruleText } from './render-markdown';
import { headOf, skippedOf } from './render-text';
import type { Report } from './report';

/** The build puts the page's style and script beside this file, see scripts/build/build.mjs. */
const FOLDER = path.join(__dirname, 'page');

/** `version`: the page is served, and asks its server for newer reports; undefined for a file. */
export function toPage(report: Report, version?: number): string {
  const style = readFileSync(path.join(FOLDER, 'style.css'), 'utf8');
  const script = readFileSync(path.join(FOLDER, 'page.js'), 'utf8');
  const policy = [
    `default-src 'none'`,
    `style-src ${hashOf(style)}`,
    `script-src ${hashOf(script)}`,
    `img-src data:`,
    ...(version === undefined ? [] : [`connect-src 'self'`]),
    `base-uri 'none'`,
    `form-action 'none'`,
  ].join('; ');

  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>closefds report</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<a class="skip" href="#main">To the groups</a>
<header>
<h1>closefds report</h1>
<p id="head">${headOf(report).replaceAll('>', '&gt;')}</p>
</header>
<div id="bar"></div>
<main id="main">
<noscript><p class="notice">This page needs JavaScript. <code>closefds report --format text</code> prints the same as a table.</p></noscript>
</main>
<footer><p>Made by closefds. Times are UTC. What the words mean: docs/findings.md and docs/cli.md in the package.</p></footer>
<script type="application/json" id="data">${toData(report, version)}</script>
<script>${script}</script>
</body>
</html>
`;
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** JSON with escapes, so that no text can end the script element. */
export function toData(report: Report, version?: number): string {
  const data = {
    ...report,
    version,
    head: headOf(report),
    byCaller: report.byCaller.map(forPage),
    states: STATES.map(state => ({ state, meaning: STATE_MEANINGS[state] })),
    tallies: Object.entries<TallyDeclaration>(TALLIES).map(([name, { title, isSearched }]) => ({
      name,
      title,
      isSearched,
    })),
    skipped: skippedOf(report.reading),
  };
  const json = JSON.stringify(data, (_, value: unknown) =>
    typeof value === 'string' ? escapeControlChars(value) : value,
  );
  return json.replace(
    /[<>&\u2028\u2029]/g,
    unsafe => `\\u${unsafe.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Without empty tallies, which are most of a group, and with the rule as text. */
function forPage({ rule, ...group }: AssessedGroup) {
  const isEmpty = (value: unknown) => isTally(value) && value.values.length === 0 && value.other === 0;
  const filled = Object.fromEntries(Object.entries(group).filter(([, value]) => !isEmpty(value)));
  return { ...filled, ...(rule !== undefined && { ruleText: ruleText(rule) }) };
}

function isTally(value: unknown): value is Tally<unknown> {
  return typeof value === 'object' && value !== null && 'values' in value;
}
