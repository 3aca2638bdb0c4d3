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
import { compatLines, type KnownPackage, knownOf } from './compat';
import { currentPolicy } from './current-policy';
import { choice, packageAndVersion, readArguments } from './parse-args';
import { UsageError } from './usage-error';

const usage = `closefds explain [--config FILE] [--format text|json] PACKAGE[@VERSION]

Tells in words what is decided about the FDs that PACKAGE passes, and by which rule: those of the
config for the current folder, the compat table's, and the defaults, in their order. Without a
VERSION, the versions that are installed here are explained, or else all that is known.
"." is the app.

  --config FILE        the config, in place of the app's own
  --format text|json   default: text

  closefds explain tsx
  closefds explain puppeteer-core@24.10.0
  closefds explain .
`;

export const explain = { summary: "what is decided about a package's FDs, and by which rule", usage, main };

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    config: { type: 'string' },
    format: { type: 'string' },
  });
  const format = choice(values.format, ['text', 'json'], '--format');
  const [subject, ...more] = positionals;
  if (subject === undefined || more.length > 0)
    throw new UsageError(`expected one PACKAGE[@VERSION], found ${positionals.length}`);
  const { name, version } = packageAndVersion(subject);

  const env = values.config === undefined ? process.env : { ...process.env, CLOSEFDS_CONFIG: values.config };
  const settings = readSettings({ entryMode: undefined, env, script: undefined, cwd: currentFolder() });
  const versions = version === undefined ? versionsOf(name, settings) : [version];
  const explained = versions.map(version => explainOne(name, version, settings));
  process.stdout.write(
    format === 'json' ? `${JSON.stringify(explained, null, 2)}\n` : explained.map(toText).join('\n'),
  );
  return 0;
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
    ...unknownNotes(name, policy, settings),
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
function unknownNotes(name: string, policy: Policy, { appRoot }: Settings): string[] {
  const isKnown =
    name === '.' ||
    knownOf(name) !== undefined ||
    [...policy.rules, ...policy.expired].some(({ caller, via }) => caller === name || via?.includes(name)) ||
    installedPackages(appRoot)?.has(name);
  return isKnown
    ? []
    : [
        'It is not installed here, and neither the config nor the compat table speaks of it: is the name right?',
      ];
}

function toText({ package: name, version, mode, rules, notes, compat }: Explanation): string {
  const title = name === '.' ? 'the app' : version === null ? name : `${name}@${version}`;
  const lines = rules.map(
    ({ words, reason, source }, index) =>
      `${String(index + 1).padStart(3)}. ${words}${reason === null ? '' : `: ${reason}`} (${source})`,
  );
  return [
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
