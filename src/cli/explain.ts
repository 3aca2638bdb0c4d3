// closefds explain: shows which rules decide about a package's FDs.

import { matchesRange } from '../base/semver-range';
import type { Kind } from '../model/spawn-request';
import { loadCompat } from '../policy/compat-table';
import { ruleInWords } from '../policy/describe-rule';
import { UNKNOWN_CALL, UNKNOWN_FD } from '../policy/facts';
import { currentFolder } from '../policy/inherited-paths';
import { installedPackages } from '../policy/installed-packages';
import { matchRule } from '../policy/match-rule';
import { KINDS, type Policy, type Rule } from '../policy/rule';
import { readSettings, type Settings } from '../policy/settings';
import { compatLines, type KnownPackage, knownOf, namesInTable } from './compat';
import { currentPolicy } from './current-policy';
import { explainFindings, explainQuery, type FindingQuery, findingToText } from './explain-finding';
import { choice, packageAndVersion, readArguments, suggested } from './parse-args';
import { UsageError } from './usage-error';

const usage = `closefds explain [--config FILE] [--format text|json] PACKAGE[@VERSION]
closefds explain --call-site FILE[:LINE] --fd N [--kind KIND] [--command NAME] [--target PATH]
closefds explain --findings FILE [--call-site FILE[:LINE]] [--fd N]

Explains which FDs of PACKAGE pass, and which rule decides. Lists the rules in the order in which
they apply: those of the config for the current folder, those of the compat table, and the defaults.
Without a VERSION, explains the installed versions, or all known versions if none is installed.
"." is the app.

With a call site, or with findings, explains the result for one FD: which rules are tried, which
of their conditions fail, and which rule would allow the FD. Without arguments, reads findings from
stdin.

  --call-site FILE[:LINE]   where the code starts the process: below the app's folder, or absolute
  --fd N               the number in the child
  --kind fd|pipe|ipc|stray   an open FD, a new pipe, a message channel, or a stray. Default: fd
  --command NAME       the executable
  --target PATH        what the FD points to
  --findings FILE      a report; with a call site or a number, only matching findings; "-" for stdin
  --config FILE        the config, in place of the app's own
  --format text|json   default: text

Exits with 0, or with 1 if the package or the file is not known here, or if no finding matches.

  closefds explain tsx
  closefds explain puppeteer-core@24.10.0
  closefds explain --call-site deploy.js:12 --fd 3
  tail -n 1 findings.ndjson | closefds explain
`;

export const explain = {
  summary: 'what is decided about a package or a finding, and by which rule',
  usage,
  main,
};

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    config: { type: 'string' },
    format: { type: 'string' },
    findings: { type: 'string' },
    ...FINDING_OPTIONS,
  });
  const format = choice(values.format, ['text', 'json'], '--format');
  const { config, findings, format: _, ...query } = values;
  const [subject, ...more] = positionals;
  const isPackage = subject !== undefined;
  if (more.length > 0) throw new UsageError(`expected one PACKAGE[@VERSION], found ${positionals.length}`);
  const extra = Object.keys({ ...query, ...(findings !== undefined && { findings }) })[0];
  if (isPackage && extra !== undefined)
    throw new UsageError(`expected PACKAGE or --${extra}, found both "${subject}" and --${extra}`);
  if (!isPackage && findings === undefined) refuseWithoutCallSite(query);

  const parsed = isPackage ? packageAndVersion(subject) : undefined;
  const env = config === undefined ? process.env : { ...process.env, CLOSEFDS_CONFIG: config };
  const settings = readSettings({ entryMode: undefined, env, script: undefined, cwd: currentFolder() });
  if (parsed === undefined) return explainFd(findings, query, settings, format);
  return explainPackage(parsed, settings, format);
}

const FINDING_OPTIONS = {
  'call-site': { type: 'string' },
  fd: { type: 'string' },
  kind: { type: 'string' },
  command: { type: 'string' },
  target: { type: 'string' },
} as const;

function refuseWithoutCallSite(query: FindingQuery): void {
  const [lonely] = Object.keys(query);
  if (query['call-site'] === undefined && lonely !== undefined)
    throw new UsageError(
      `expected --call-site FILE[:LINE] or --findings FILE beside --${lonely}, found neither`,
    );
  if (lonely === undefined && process.stdin.isTTY)
    throw new UsageError('expected one PACKAGE[@VERSION], --call-site or findings on stdin, found none');
}

async function explainFd(
  findings: string | undefined,
  query: FindingQuery,
  settings: Settings,
  format: string,
): Promise<number> {
  const policy = currentPolicy(settings);
  const isQuery = findings === undefined && query['call-site'] !== undefined;
  const { explained, problems } = isQuery
    ? { explained: explainQuery(query, settings, policy), problems: [] }
    : await explainFindings([findings ?? '-'], query, settings, policy);
  process.stdout.write(
    format === 'json' ? `${JSON.stringify(explained, null, 2)}\n` : explained.map(findingToText).join('\n'),
  );
  for (const problem of problems) process.stderr.write(`closefds: ${problem}\n`);
  return problems.length === 0 && explained.every(({ doubts }) => doubts.length === 0) ? 0 : 1;
}

function explainPackage(
  { name, version }: ReturnType<typeof packageAndVersion>,
  settings: Settings,
  format: string,
): number {
  const versions = version === undefined ? versionsOf(name, settings) : [version];
  const explained = versions.map(version => explainOne(name, version, settings));
  process.stdout.write(
    format === 'json' ? `${JSON.stringify(explained, null, 2)}\n` : explained.map(toText).join('\n'),
  );
  return explained.every(({ doubts }) => doubts.length === 0) ? 0 : 1;
}

function versionsOf(name: string, { appRoot }: Settings): (string | undefined)[] {
  const installed = name === '.' ? undefined : installedPackages(appRoot)?.get(name);
  return installed === undefined ? [undefined] : [...installed];
}

interface Explanation {
  readonly package: string;
  readonly version: string | null;
  readonly mode: string;
  /** In the order in which they are tried, without rules that never decide. */
  readonly rules: readonly {
    readonly words: string;
    readonly reason: string | null;
    readonly source: string;
  }[];
  /** Other facts about the package. */
  readonly notes: readonly string[];
  /** What the compat table has of it, or null. */
  readonly compat: KnownPackage | null;
  /** Why the name may be wrong. */
  readonly doubts: readonly string[];
}

function explainOne(name: string, version: string | undefined, settings: Settings): Explanation {
  const policy = currentPolicy(settings);
  return {
    package: name,
    version: version ?? null,
    mode: settings.mode,
    rules: decidingRules(name, version, policy).map(rule => ({
      words:
        ruleInWords(rule) +
        (version === undefined && rule.range !== undefined ? ` (versions ${rule.range})` : ''),
      reason: rule.reason ?? null,
      source: rule.source,
    })),
    notes: notesOn(name, version, policy, settings),
    compat: knownOf(name) ?? null,
    doubts: doubtsAbout(name, policy, settings),
  };
}

/** The rules that can decide for this caller: before them, no rule matches all FDs of their kinds. */
function decidingRules(name: string, version: string | undefined, policy: Policy): Rule[] {
  const caller = {
    name,
    version: version ?? null,
    declaredName: undefined,
    file: null,
    fileInPackage: null,
    launchers: null,
    calledBy: null,
  };
  const settled = new Set<Kind>();
  return policy.rules.filter(rule => {
    const answers = KINDS.filter(kind => !settled.has(kind)).map(kind => ({
      kind,
      answer: matchRule(rule, { ...UNKNOWN_CALL, caller }, { ...UNKNOWN_FD, kind }, policy),
    }));
    for (const { kind, answer } of answers) if (answer === 'yes') settled.add(kind);
    return answers.some(({ answer }) => answer !== 'no');
  });
}

// ---------------------------------------------------------------------------------------------
// Notes
// ---------------------------------------------------------------------------------------------

function notesOn(name: string, version: string | undefined, policy: Policy, settings: Settings): string[] {
  return [
    ...compatNotes(name, version, settings),
    ...(settings.config.candidate === undefined
      ? []
      : [
          `A candidate policy is judged beside this one and reported, and decides nothing (${settings.configFile}).`,
        ]),
    ...policy.expired
      .filter(rule => rule.caller === name)
      .map(({ source, expires }) => `A rule for it expired on ${expires} (${source}).`),
  ];
}

/** Why the rules of the compat table for the package do not apply. */
function compatNotes(name: string, version: string | undefined, { config }: Settings): string[] {
  const known = loadCompat().rules.filter(rule => rule.caller === name);
  if (known.length === 0) return [];
  if (!config.compat) return ['The compat table knows it, but the config says "compat": false.'];
  if (version === undefined || known.some(rule => matchesRange(version, rule.range ?? '*'))) return [];
  return [
    `The compat table knows other versions of it: ${[...new Set(known.map(rule => rule.range))].join(', ')}.`,
  ];
}

/** A mistyped name would otherwise get the defaults as its answer. */
function doubtsAbout(name: string, policy: Policy, { appRoot }: Settings): string[] {
  const named = [...policy.rules, ...policy.expired].flatMap(({ caller, via = [] }) => [
    ...(caller === undefined ? [] : [caller]),
    ...via,
  ]);
  const known = [...(installedPackages(appRoot)?.keys() ?? []), ...named, ...namesInTable()];
  if (name === '.' || known.includes(name)) return [];
  return [
    `${name} is not installed here, and neither the config nor the compat table names it${suggested(name, known)}: is the name right?`,
  ];
}

function toText({ package: name, version, mode, rules, notes, compat, doubts }: Explanation): string {
  const title = name === '.' ? 'the app' : version === null ? name : `${name}@${version}`;
  const lines = rules.map(
    ({ words, reason, source }, index) =>
      `${String(index + 1).padStart(3)}. ${words}${reason === null ? '' : `: ${reason}`} (${source})`,
  );
  return [
    ...doubts,
    `${title}, mode ${mode}; the first rule that matches decides:`,
    ...lines,
    ...(mode === 'warn' ? ['  In mode warn, what only a default denies passes and is reported.'] : []),
    ...(mode === 'off' ? ['  In mode off nothing of this is in force.'] : []),
    ...(mode === 'strict' ? ['  In mode strict, the spawn throws instead of closing.'] : []),
    ...notes.map(note => `  ${note}`),
    ...(compat === null
      ? []
      : [`What the compat table says${compat.source === null ? '' : ` (${compat.source})`}:`]),
    ...(compat === null ? [] : compatLines(name, version ?? undefined, compat)),
    '',
  ].join('\n');
}
