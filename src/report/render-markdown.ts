// Renders a report as Markdown, for a pull request or an issue.
//
// Text from findings is in code spans only, where it is no link, no mention of a user and no HTML.

import type { Tally } from '../base/counter';
import { escapeControlChars } from '../base/sanitize';
import { toCallerAgain } from '../findings/record';
import { APP, callerTitle, UNKNOWN } from '../model/caller';
import { type AssessedGroup, evidenceOf, needsDecision, sentenceOf } from './assess';
import { findings, groupsTitle, headOf, skippedOf } from './render-text';
import type { Report } from './report';

export function toMarkdown(report: Report): string {
  const { byCaller, bySelf, hidden } = report;
  const open = byCaller.filter(needsDecision);
  const rest = byCaller.filter(group => !needsDecision(group));
  const parts = ['### closefds report', headOf(report)];
  if (report.total.records > 0)
    parts.push(
      open.length === 0
        ? '**Nothing needs a decision.**'
        : `#### Needs a decision: ${open.length} ${groupsTitle(open.length)}`,
    );
  if (open.length > 0) parts.push(decisionItems(open));
  if (rest.length > 0) parts.push(folded(`${rest.length} other ${groupsTitle(rest.length)}`, tableOf(rest)));
  if (hidden.groups > 0)
    parts.push(`And ${hidden.groups} more ${groupsTitle(hidden.groups)} with ${findings(hidden.count)}.`);
  if (bySelf.length > 0)
    parts.push(
      `#### About closefds itself\n\n${bySelf
        .map(({ code, what, count }) => `- ${count} x ${codeSpan(code)}: ${codeSpan(what)}`)
        .join('\n')}`,
    );
  const skipped = skippedOf(report.reading);
  if (skipped !== undefined) parts.push(skipped);
  return `${parts.join('\n\n')}\n`;
}

/** A list: sentence, evidence and rule of each group. */
export function decisionItems(groups: readonly AssessedGroup[]): string {
  return groups.map(decisionItem).join('\n');
}

function decisionItem(group: AssessedGroup): string {
  const evidence = evidenceOf(group, codeSpan).map(text => `  ${text}`);
  const rule = group.rule === undefined ? [] : ['', '  ```json', `  ${ruleText(group.rule)}`, '  ```'];
  return [`- **${group.state}**: ${sentenceOf(group, codeSpan)}`, ...evidence, ...rule].join('\n');
}

/** A rule as JSON in printable characters, so that it can be shown and copied without a loss. */
export function ruleText(rule: NonNullable<AssessedGroup['rule']>): string {
  return JSON.stringify(rule).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029`]/gu, character =>
    [...Array(character.length).keys()]
      .map(index => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

function tableOf(groups: readonly AssessedGroup[]): string {
  const rows = groups.map(
    ({ state, count, dispositions, childFailed, kind, childFds, target, caller, service, commands }) =>
      [
        state,
        count.toLocaleString('en'),
        [...dispositions.values.map(({ value }) => value), ...(childFailed ? ['child failed'] : [])].join(
          ', ',
        ),
        [kind ?? 'nothing', ...some(childFds), ...(target === undefined ? [] : [cell(target)])].join(' '),
        whoOf(caller, service),
        some(commands).join(', '),
      ].join(' | '),
  );
  return [
    '| STATE | COUNT | OUTCOME | WHAT | WHO | TO |',
    '| ----- | ----: | ------- | ---- | --- | -- |',
    ...rows.map(row => `| ${row} |`),
  ].join('\n');
}

function whoOf(caller: AssessedGroup['caller'], service: string | undefined): string {
  if (caller?.package === APP) return service === undefined ? 'the app' : cell(service);
  if (caller === undefined || caller.package === UNKNOWN) return callerTitle(caller && toCallerAgain(caller));
  const title = cell(callerTitle(toCallerAgain(caller)));
  return service === undefined ? title : `${title} in ${cell(service)}`;
}

const SHOWN = 3;

function some(tally: Tally<string | number>): string[] {
  const shown = tally.values.slice(0, SHOWN).map(({ value }) => cell(String(value)));
  return tally.values.length > SHOWN || tally.other > 0 ? [...shown, '...'] : shown;
}

/** In a table, a bar ends a cell in a code span, too. */
export function cell(text: string): string {
  return codeSpan(text).replaceAll('|', '\\|');
}

/** The fence is longer than any run of backquotes in the text. */
export function codeSpan(text: string): string {
  const safe = escapeControlChars(text) || ' ';
  const longest = Math.max(0, ...[...safe.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const space = /^`|`$|^ .* $/.test(safe) ? ' ' : '';
  return `${fence}${space}${safe}${space}${fence}`;
}

function folded(title: string, text: string): string {
  return `<details><summary>${title}</summary>\n\n${text}\n\n</details>`;
}
