// closefds check: validates the config; finds unused and over-broad rules.

import { stat } from 'node:fs/promises';
import path from 'node:path';
import { ClosefdsError } from '../base/errors';
import { loadCompat } from '../policy/compat-table';
import { installedPackages } from '../policy/installed-packages';
import { type Remark, reviewRules } from '../policy/lint';
import { readSettings, type Settings } from '../policy/settings';
import { choice, readArguments } from './parse-args';
import { UsageError } from './usage-error';

const usage = `closefds check [--config FILE] [--format text|json] [FOLDER]

Checks the config of the app in FOLDER (default: the current one) and looks at each of its rules:

  expired    its last day is over
  shadowed   an earlier rule matches all that it does, so it never decides
  unused     its caller is not installed, or not in that range, or the compat table allows it already
  wide       it allows more than anybody can have meant

  --config FILE        the config, in place of the app's own
  --format text|json   default: text

Exits with 0 if there are no problems, with 1 if there are, or if the config is wrong.

  closefds check
  closefds check --config deploy/closefds.json services/api
`;

export const check = { summary: 'validate the config; find unused or over-broad rules', usage, main };

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    config: { type: 'string' },
    format: { type: 'string' },
  });
  const format = choice(values.format, ['text', 'json'], '--format');
  const folder = await folderOf(positionals);
  const report = review(folder, values.config);
  process.stdout.write(format === 'json' ? `${JSON.stringify(report, null, 2)}\n` : toText(report));
  return report.error === undefined && report.remarks.length === 0 ? 0 : 1;
}

async function folderOf([folder = '.', ...more]: readonly string[]): Promise<string> {
  if (more.length > 0) throw new UsageError(`expected one FOLDER, found ${more.length + 1}`);
  const isFolder = await stat(folder).then(
    found => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new UsageError(`${folder} is not a folder`);
  return path.resolve(folder);
}

interface CheckReport {
  readonly config: string | null;
  readonly rules: number;
  /** Whether the installed packages are known. */
  readonly installed: boolean;
  readonly remarks: readonly Remark[];
  readonly error?: string;
}

function review(folder: string, config: string | undefined): CheckReport {
  const env = config === undefined ? {} : { CLOSEFDS_CONFIG: path.resolve(config) };
  let settings: Settings;
  try {
    settings = readSettings({ entryMode: undefined, env, script: undefined, cwd: folder });
  } catch (error) {
    if (!(error instanceof ClosefdsError)) throw error;
    return { config: config ?? null, rules: 0, installed: false, remarks: [], error: error.message };
  }
  const { rules, candidate, compat } = settings.config;
  const installed = installedPackages(settings.appRoot);
  const facts = { now: Date.now(), installed, compat: compat ? loadCompat().rules : [] };
  return {
    config: settings.configFile ?? null,
    rules: rules.length + (candidate?.rules.length ?? 0),
    installed: installed !== undefined,
    remarks: [...reviewRules(rules, facts), ...reviewRules(candidate?.rules ?? [], facts)],
  };
}

function toText({ config, rules, installed, remarks, error }: CheckReport): string {
  if (error !== undefined) return `wrong: ${error}\n`;
  if (config === null) return 'No config was found, so the compat table and the defaults hold.\n';
  const lines = remarks.map(
    ({ problem, source, text }) => `${problem.padEnd(9)} ${source}\n          ${text}`,
  );
  const count = `${rules} ${rules === 1 ? 'rule' : 'rules'} in ${config}`;
  const unknown = installed ? '' : ' Nothing is installed there, so unused callers were not looked for.';
  const sum = remarks.length === 0 ? `${count}, no problems.` : `${count}: ${remarks.length} to look at.`;
  return `${[...lines, sum + unknown].join('\n')}\n`;
}
