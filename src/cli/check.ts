// closefds check: validates the config; finds unused and over-broad rules.

import { stat } from 'node:fs/promises';
import path from 'node:path';
import { ClosefdsError } from '../base/errors';
import { escapeControlChars } from '../base/sanitize';
import { hasCallSite } from '../policy/call-sites';
import { loadCompat } from '../policy/compat-table';
import { installedPackages } from '../policy/installed-packages';
import { type Facts, type Remark, reviewRules } from '../policy/lint';
import { readSettings, type Settings } from '../policy/settings';
import { createGroups } from '../report/aggregate';
import { reviewByFindings } from '../report/review-by-findings';
import { currentPolicy } from './current-policy';
import { type Input, inputsOf } from './input-files';
import { choice, readArguments } from './parse-args';
import { readFindings } from './read-findings';
import { UsageError } from './usage-error';

const usage = `closefds check [--config FILE] [--format text|json] [FOLDER] [FINDINGS...]

Validates the config of the app in FOLDER (default: the current one). Looks for problems in its
rules:

  expired    the last day is over
  expiring   the last day is in less than two weeks
  shadowed   an earlier rule matches all that this rule matches, so this rule never decides
  unused     the caller is not installed, or not in that range, or the compat table allows its FDs
  wide       the rule allows every package, any stray, or any FD for any command
  launcher   the caller starts processes only on behalf of others, which are the callers
  missing    no file matches the call site
  reason     the reason is a placeholder
  unseen     with FINDINGS: no finding matches the rule

FINDINGS are report files. With them, each wide rule is printed with narrower rules. These allow
only the FDs in the findings (those that children used, if that is known).

  --config FILE        the config, in place of the app's own
  --format text|json   default: text

Exits with 0 if there are no problems, with 1 if there are problems or the config is invalid.

  closefds check
  closefds check --config deploy/closefds.json services/api
  closefds check findings.ndjson
`;

export const check = { summary: 'validate the config; find unused or over-broad rules', usage, main };

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    config: { type: 'string' },
    format: { type: 'string' },
  });
  const format = choice(values.format, ['text', 'json'], '--format');
  const { folder, files } = await inputsIn(positionals);
  const inputs = files.length === 0 ? [] : inputsOf(files);
  const { settings, ...report } = review(folder, values.config);
  const { findings, problems } =
    settings === undefined || inputs.length === 0
      ? { findings: undefined, problems: [] }
      : await reviewFindings(inputs, settings, report.remarks);
  const whole = { ...report, ...findings };
  process.stdout.write(format === 'json' ? `${JSON.stringify(whole, null, 2)}\n` : toText(whole));
  for (const problem of problems) process.stderr.write(`closefds: ${problem}\n`);
  return whole.error === undefined && whole.remarks.length === 0 && problems.length === 0 ? 0 : 1;
}

/** A folder is the app's; other words are report files. */
async function inputsIn(words: readonly string[]): Promise<{ folder: string; files: string[] }> {
  const folders: string[] = [];
  const files: string[] = [];
  for (const word of words) {
    const found = await stat(word).catch(() => undefined);
    if (word !== '-' && found === undefined)
      throw new UsageError(`expected a folder or a report file, found nothing at ${word}`);
    (found?.isDirectory() ? folders : files).push(word);
  }
  if (folders.length > 1) throw new UsageError(`expected one FOLDER, found ${folders.length}`);
  return { folder: path.resolve(folders[0] ?? '.'), files };
}

interface CheckReport {
  readonly config: string | null;
  readonly rules: number;
  /** Whether the installed packages are known. */
  readonly installed: boolean;
  /** The number of records in FINDINGS; missing without them. */
  readonly findings?: number;
  readonly remarks: readonly Remark[];
  readonly error?: string;
}

function review(
  folder: string,
  config: string | undefined,
): CheckReport & { readonly settings: Settings | undefined } {
  const env = config === undefined ? {} : { CLOSEFDS_CONFIG: path.resolve(config) };
  let settings: Settings;
  try {
    settings = readSettings({ entryMode: undefined, env, script: undefined, cwd: folder });
  } catch (error) {
    if (!(error instanceof ClosefdsError)) throw error;
    const none = { rules: 0, installed: false, remarks: [], settings: undefined };
    return { config: config ?? null, ...none, error: error.message };
  }
  const { rules, candidate, compat } = settings.config;
  const { appRoot } = settings;
  const installed = installedPackages(appRoot);
  const table = loadCompat();
  const facts: Facts = {
    now: Date.now(),
    installed,
    compat: compat ? table.rules : [],
    launchers: table.launchers,
    hasCallSite: (caller, glob) => hasCallSite(appRoot, caller, glob),
  };
  return {
    config: settings.configFile ?? null,
    rules: rules.length + (candidate?.rules.length ?? 0),
    installed: installed !== undefined,
    remarks: [...reviewRules(rules, facts), ...reviewRules(candidate?.rules ?? [], facts)],
    settings,
  };
}

async function reviewFindings(
  inputs: readonly Input[],
  settings: Settings,
  remarks: readonly Remark[],
): Promise<{ findings: Pick<CheckReport, 'findings' | 'remarks'>; problems: string[] }> {
  const { rules, candidate } = settings.config;
  const policy = currentPolicy(settings);
  const counter = createGroups({ asRulesTell: true, byOuterCaller: policy.asksVia });
  const { records, problems } = await readFindings(inputs, counter.add);
  const { byCaller } = counter.result();
  const ofCandidate = remarks.filter(({ source }) => candidate?.rules.some(rule => rule.source === source));
  const reviewed = reviewByFindings(rules, remarks, byCaller, policy);
  return { findings: { findings: records, remarks: [...reviewed, ...ofCandidate] }, problems };
}

function toText({ config, rules, installed, findings, remarks, error }: CheckReport): string {
  if (error !== undefined) return `wrong: ${error}\n`;
  if (config === null) return 'No config was found, so the compat table and the defaults hold.\n';
  const lines = remarks.map(({ problem, source, text, narrower = [] }) =>
    [
      `${problem.padEnd(9)} ${source}`,
      text,
      ...(narrower.length === 0 ? [] : ['The findings support no more than:']),
      ...narrower.map(rule => `  ${escapeControlChars(JSON.stringify(rule))}`),
    ].join('\n          '),
  );
  const count = `${rules} ${rules === 1 ? 'rule' : 'rules'} in ${config}`;
  const unknown = installed ? '' : ' Nothing is installed there, so unused callers were not looked for.';
  const read = findings === undefined ? '' : ` ${findings} ${findings === 1 ? 'finding' : 'findings'} read.`;
  const sum = remarks.length === 0 ? `${count}, no problems.` : `${count}: ${remarks.length} to look at.`;
  return `${[...lines, sum + read + unknown].join('\n')}\n`;
}
