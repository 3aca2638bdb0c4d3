// closefds learn: suggests rules from findings; an FD whose use an audit did not prove is not allowed.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ClosefdsError } from '../base/errors';
import { escapeControlChars } from '../base/sanitize';
import type { Policy } from '../policy/rule';
import { readSettings, type Settings } from '../policy/settings';
import { createGroups, type Group } from '../report/aggregate';
import {
  type GroupSummary,
  type LearnOptions,
  type Proposal,
  type ProposedRule,
  type ScannedSite,
  suggestRules,
} from '../report/suggest-rules';
import { currentPolicy } from './current-policy';
import { insertRules } from './edit-config';
import { asUsageError, type Input, inputsOf } from './input-files';
import { choice, readArguments } from './parse-args';
import { readFindings } from './read-findings';
import { review } from './review/dialog';
import { UsageError } from './usage-error';

const usage = `closefds learn [--write] [--accept-likely] [--announced] [--scan FILE] [--config FILE]
               [--format text|json] [FILE...]
closefds learn --review [--announced] [--config FILE] FILE...

Proposes rules that allow only the FDs that children used. Reads findings that "closefds audit" or
CLOSEFDS_REPORT wrote, from stdin without FILE. If a rule must be wider than the findings, says so.
Only an audit proves a use. If the offset of a file moved, a use is likely: such rules are printed
as comments, for review. All other FDs are listed but not allowed: closing them should break
nothing. FDs that the config for the current folder or the compat table allows or denies are left
out.

  --write              adds the rules to the config and keeps the rest of the file unchanged; writes
                       nothing if there is no rule to add
  --review             asks about each group of findings, proved uses first, unused FDs last: allow,
                       allow less, deny, change the code to withFds(), or skip. Shows the evidence
                       and the rule, and adds each rule at once. Saves answers that are not rules in
                       closefds.review.json beside the config; the next review continues from there
  --accept-likely      proposes, and writes, rules for likely uses, too
  --announced          an argument or variable that gives the child an FD's number counts as use
  --scan FILE          the output of "closefds scan --format json"; lists places that did not run
  --config FILE        the config, in place of the app's own; created if it does not exist
  --format text|json   default: text

Exits with 0, or with 1 if a file could not be read to its end.

  closefds audit --report audit.ndjson -- npm test && closefds learn --write audit.ndjson
  closefds learn findings.ndjson
  closefds learn --review findings.ndjson
`;

export const learn = { summary: 'propose rules from what children used', usage, main };

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    write: { type: 'boolean' },
    review: { type: 'boolean' },
    'accept-likely': { type: 'boolean' },
    announced: { type: 'boolean' },
    scan: { type: 'string' },
    config: { type: 'string' },
    format: { type: 'string' },
  });
  if (values.review === true) return reviewFindings(values, positionals);
  const format = choice(values.format, ['text', 'json'], '--format');
  const sites = values.scan === undefined ? undefined : readSites(values.scan);
  const inputs = inputsOf(positionals);
  const { settings, file } = settingsOf(values.config, values.write === true);

  const policy = currentPolicy(settings);
  const { groups, problems } = await readGroups(inputs, policy.asksVia);
  const proposal = propose(groups, policy, {
    acceptLikely: values['accept-likely'] === true,
    announced: values.announced === true,
    sites,
  });
  if (values.write && proposal.rules.length > 0)
    writeRules(file, proposal.rules, indexForRules(settings, proposal));
  process.stdout.write(
    format === 'json'
      ? `${JSON.stringify(proposal, null, 2)}\n`
      : toText(proposal, values.write ? file : undefined),
  );
  for (const problem of problems) process.stderr.write(`closefds: ${problem}\n`);
  return problems.length === 0 ? 0 : 1;
}

/** What decides or prints in place of the person who is asked. */
const NOT_FOR_REVIEW = ['write', 'accept-likely', 'scan', 'format'] as const;

async function reviewFindings(
  values: Readonly<Record<string, string | boolean | undefined>>,
  files: readonly string[],
): Promise<number> {
  for (const name of NOT_FOR_REVIEW)
    if (values[name] !== undefined)
      throw new UsageError(`expected --review or --${name}, found both: a review adds what you allow`);
  if (files.length === 0 || files.includes('-'))
    throw new UsageError('expected FILE with --review, which reads your answers from stdin; found none');
  const inputs = inputsOf(files);
  const load = () => {
    const { settings, file } = settingsOf(values.config as string | undefined, true);
    return { settings, file, policy: currentPolicy(settings) };
  };
  const { groups, problems } = await readGroups(inputs, load().policy.asksVia);
  for (const problem of problems) process.stderr.write(`closefds: ${problem}\n`);
  await review({ groups, announced: values.announced === true, load, insertRules: writeRules });
  return problems.length === 0 ? 0 : 1;
}

function writeRules(...[file, rules, at]: Parameters<typeof insertRules>): void {
  try {
    insertRules(file, rules, at);
  } catch (error) {
    throw asUsageError(error, `${file} cannot be written`);
  }
}

async function readGroups(
  inputs: readonly Input[],
  byOuterCaller: boolean,
): Promise<{ groups: readonly Group[]; problems: string[] }> {
  const counter = createGroups({ asRulesTell: true, byOuterCaller });
  const { problems } = await readFindings(inputs, counter.add);
  const { byCaller, other } = counter.result();
  if (other.count > 0)
    problems.push(`${other.count} findings were left out: there are too many different ones`);
  return { groups: byCaller, problems };
}

/** Throws ERR_CLOSEFDS_CONFIG: rules cannot be added to an invalid config. */
function settingsOf(config: string | undefined, write: boolean): { settings: Settings; file: string } {
  const read = (env: NodeJS.ProcessEnv) =>
    readSettings({ entryMode: undefined, env, script: undefined, cwd: process.cwd() });
  const named = config ?? process.env.CLOSEFDS_CONFIG;
  if (!named) {
    const settings = read(process.env);
    return { settings, file: settings.configFile ?? path.join(settings.appRoot, 'closefds.json') };
  }
  const file = path.resolve(named);
  try {
    return { settings: read({ ...process.env, CLOSEFDS_CONFIG: file }), file };
  } catch (error) {
    const { code } = ((error as ClosefdsError).cause ?? {}) as NodeJS.ErrnoException;
    if (!write || code !== 'ENOENT') throw error;
    const { config: none, ...settings } = read({ ...process.env, CLOSEFDS_CONFIG: '' });
    return { settings: { ...settings, config: { ...none, rules: [] } }, file };
  }
}

/** Throws UsageError: without the file, the proposal would lack what the user asked for. */
function readSites(file: string): ScannedSite[] {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw asUsageError(error, `${file} cannot be read`);
  }
  const { places } = (json ?? {}) as { places?: unknown };
  if (!Array.isArray(places) || !places.every(isSite))
    throw new UsageError(
      `expected what "closefds scan --format json" prints in ${file}, found something else`,
    );
  return places;
}

function isSite(value: unknown): value is ScannedSite {
  const { package: name, fileInPackage, line, lines, sure } = (value ?? {}) as Partial<ScannedSite>;
  return (
    [name, fileInPackage, sure].every(text => typeof text === 'string') &&
    typeof line === 'number' &&
    Array.isArray(lines)
  );
}

function propose(
  groups: readonly Group[],
  policy: Policy,
  {
    sites,
    ...options
  }: Omit<LearnOptions, 'policy' | 'sites'> & { readonly sites: ScannedSite[] | undefined },
): Proposal {
  return suggestRules(groups, {
    policy,
    ...options,
    ...(sites !== undefined && { sites }),
  });
}

/** The end of the rules, or the first rule that only reported these FDs so far. */
function indexForRules({ config: { rules } }: Settings, { before }: Proposal): number {
  const first = rules.findIndex(({ source }) => before.includes(source));
  return first === -1 ? rules.length : first;
}

// ---------------------------------------------------------------------------------------------
// As text
// ---------------------------------------------------------------------------------------------

function toText(proposal: Proposal, written: string | undefined): string {
  const { rules, likely, close, denied, unnamed, alsoAllowed, allowed, unseen } = proposal;
  const config = JSON.stringify({ rules }, null, 2);
  const sections = [
    rules.length === 0
      ? 'No rule to add.'
      : written === undefined
        ? `To add to the config, or let --write do it:\n\n${config}`
        : `Added to ${written}:\n\n${config}`,
    toWider(proposal, 'rules'),
    likely.length === 0 ? undefined : toReview(likely),
    toWider(proposal, 'likely'),
    listOf('Allowed by these rules, too, no use seen', alsoAllowed),
    listOf('Close, no use seen', close),
    listOf(
      'Used or likely used, but no rule can name it: who passed it is unknown, or the report is redacted',
      unnamed,
    ),
    listOf('Denied by a rule in your config', denied),
    unseen.length === 0
      ? undefined
      : `Found by the scan, and not run in these findings (${unseen.length}):\n${unseen.map(({ caller, callSite }) => escapeControlChars(`  ${caller} at ${callSite}`)).join('\n')}`,
    allowed === 0 ? undefined : `Allowed by now: ${allowed}.`,
  ];
  return `${sections.filter(section => section !== undefined).join('\n\n')}\n`;
}

/** What the rules of a list allow beyond what was seen. */
function toWider({ wider }: Proposal, list: 'rules' | 'likely'): string | undefined {
  const lines = wider
    .filter(one => one.list === list)
    .map(({ index, text }) => escapeControlChars(`  rule ${index + 1}: ${text}`));
  return lines.length === 0 ? undefined : ['Wider than what was seen:', ...lines].join('\n');
}

/** Rules as comments: nothing allows these FDs before a person has looked at them. */
function toReview(rules: readonly ProposedRule[]): string {
  const lines = JSON.stringify(rules, null, 2).split('\n').slice(1, -1);
  return [
    `Likely used, not allowed (${rules.length}): an offset moved, and that is no proof. Review each rule and copy it, or`,
    'let "closefds audit" prove the use, or accept all with --accept-likely:',
    '',
    ...lines.map(line => `// ${line.slice(2)}`),
  ].join('\n');
}

/** By caller and file, and within a file by line. */
function listOf(title: string, all: readonly GroupSummary[]): string | undefined {
  if (all.length === 0) return undefined;
  const byFile = new Map<string, [line: number, text: string][]>();
  for (const summary of all) {
    const { caller, callSite } = summary;
    const [, file = callSite, line = ''] = /^(.*):(\d+)$/s.exec(callSite) ?? [];
    const key = `${caller} in ${file}`;
    byFile.set(key, [...(byFile.get(key) ?? []), [Number(line), toItem(summary, line)]]);
  }
  const lines = [...byFile].flatMap(([file, items]) => [
    escapeControlChars(`  ${file}`),
    ...items.sort(([a], [b]) => a - b).map(([, text]) => `    ${text}`),
  ]);
  return `${title} (${all.length}):\n${lines.join('\n')}`;
}

function toItem({ calledBy, what, count, announcement, rule }: GroupSummary, line: string): string {
  const notes = [
    `${count} ${count === 1 ? 'spawn' : 'spawns'}`,
    announcement && `announced to the child by "${announcement}"`,
    rule,
  ];
  const at = line === '' ? '' : `line ${line}: `;
  const from = calledBy === undefined ? '' : `, called by ${calledBy}`;
  return escapeControlChars(`${at}${what}${from} (${notes.filter(Boolean).join('; ')})`);
}
