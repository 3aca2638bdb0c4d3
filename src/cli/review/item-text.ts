// The texts of a review: one group with its evidence and its rules, in the width of the terminal.

import { escapeControlChars } from '../../base/sanitize';
import { wrap } from '../../base/text-table';
import type { NarrowerRules, ReviewItem } from '../../report/review-items';
import type { GroupSummary, ProposedRule } from '../../report/suggest-rules';

const USE_TEXTS: Readonly<Record<ReviewItem['use'], string>> = {
  proved: 'A child used it',
  likely: 'Likely used, not proved',
  'not seen': 'No use seen: closing it should break nothing',
};

const MOST_OTHERS = 3;

export function itemToText(item: ReviewItem, position: string, width: number): string {
  const { use, summary, evidence, rules, wider, alsoAllowed } = item;
  const { caller, callSite, calledBy, what } = summary;
  const facts = [
    `${caller} at ${callSite}${calledBy === undefined ? '' : `, called by ${calledBy}`}`,
    what,
    `Evidence: ${evidence}`,
    ...(item.before === undefined ? [] : [`Reported so far by ${item.before}`]),
    ...wider.map(text => `Wider than what was seen: ${text}`),
    ...othersOf(alsoAllowed),
  ];
  const rule = rules.length === 0 ? ['  No rule can name it.'] : ['', ...rulesToText(rules).split('\n')];
  return ['', `[${position}] ${USE_TEXTS[use]}`, ...facts.flatMap(fact => indent(fact, width)), ...rule].join(
    '\n',
  );
}

/** Each condition on a line. The reason, which is the evidence, is above it already. */
export function rulesToText(rules: readonly ProposedRule[]): string {
  const texts = rules.map(({ reason, ...rule }) => {
    const conditions = Object.entries(rule).map(([key, value]) => `  "${key}": ${JSON.stringify(value)},`);
    return ['{', ...conditions, '  "reason": (the evidence)', '}'].map(escapeControlChars).join('\n');
  });
  return texts.join(',\n');
}

export function narrowerToText(all: readonly NarrowerRules[], width: number): string {
  const lines = all.map(
    ({ condition, value }, index) => `${index + 1}. only ${condition} ${JSON.stringify(value)}`,
  );
  return lines.flatMap(line => indent(line, width)).join('\n');
}

/** How the code is changed so that it names the FD. */
export function withFdsToText({ ownCode, kind, summary }: ReviewItem, width: number): string {
  const source = { fd: 'fd', pipe: "'pipe'", ipc: "'ipc'", stray: 'fd' }[kind];
  const place =
    ownCode === undefined
      ? `The code is that of ${summary.caller}: ask its authors for this, or allow it by a rule.`
      : `In ${ownCode}, let the code name the FD:`;
  const number = kind === 'stray' ? 3 : (/ at (\d+)/.exec(summary.what)?.[1] ?? 3);
  return [
    ...indent(place, width),
    '',
    "  const { withFds } = require('closefds');",
    `  spawn(command, args, withFds(options, { ${number}: ${source} }));`,
  ].join('\n');
}

/** The text in lines of at most `width` columns, indented. */
export function indent(text: string, width: number): string[] {
  return wrap(escapeControlChars(text), width - 4).map(
    (line, index) => `${index === 0 ? '  ' : '    '}${line}`,
  );
}

function othersOf(all: readonly GroupSummary[]): string[] {
  const more = all.length > MOST_OTHERS ? [`... and ${all.length - MOST_OTHERS} more`] : [];
  return [...all.slice(0, MOST_OTHERS).map(toLine), ...more].map(
    line => `The rule would allow, too: ${line}`,
  );
}

function toLine({ caller, callSite, what, count }: GroupSummary): string {
  return `${what} of ${caller} at ${callSite} (${count} ${count === 1 ? 'spawn' : 'spawns'})`;
}
