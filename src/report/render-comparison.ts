// Renders the difference of two reports for the terminal, and as Markdown.

import { escapeControlChars } from '../base/sanitize';
import { type AssessedGroup, evidenceOf, sentenceOf } from './assess';
import type { Comparison } from './compare-reports';
import { codeSpan, decisionItems } from './render-markdown';

export function comparisonToText({ added, gone, changed, same }: Comparison): string {
  const parts = [headOf({ added, gone, changed, same })];
  if (added.length > 0) parts.push(['New', ...added.flatMap(groupLines)].join('\n'));
  if (changed.length > 0)
    parts.push(
      [
        'Changed',
        ...changed.flatMap(({ after, changes }) => [
          ...groupLines(after),
          ...changes.map(change => `    ${escapeControlChars(change)}`),
        ]),
      ].join('\n'),
    );
  if (gone.length > 0) parts.push(['Gone', ...gone.map(titleLine)].join('\n'));
  return `${parts.join('\n\n')}\n`;
}

export function comparisonToMarkdown({ added, gone, changed, same }: Comparison): string {
  const parts = ['### closefds: what changed', headOf({ added, gone, changed, same })];
  if (added.length > 0) parts.push(`#### New\n\n${decisionItems(added)}`);
  if (changed.length > 0)
    parts.push(
      `#### Changed\n\n${changed
        .map(({ after, changes }) => `${decisionItems([after])}\n${changeItems(changes)}`)
        .join('\n')}`,
    );
  if (gone.length > 0)
    parts.push(
      `#### Gone\n\n${gone.map(group => `- ${group.state}: ${sentenceOf(group, codeSpan)}`).join('\n')}`,
    );
  return `${parts.join('\n\n')}\n`;
}

function headOf({ added, gone, changed, same }: Comparison): string {
  return `${added.length} new, ${changed.length} changed, ${gone.length} gone, ${same} as before.`;
}

function groupLines(group: AssessedGroup): string[] {
  return [titleLine(group), ...evidenceOf(group).map(text => `    ${escapeControlChars(text)}`)];
}

function titleLine(group: AssessedGroup): string {
  return `  ${group.state}: ${escapeControlChars(sentenceOf(group))}`;
}

function changeItems(changes: readonly string[]): string {
  return changes.map(change => `  - ${codeSpan(change)}`).join('\n');
}
