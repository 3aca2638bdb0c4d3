// closefds compat: prints what the compat table says of a package, with the evidence.

import { ClosefdsError } from '../base/errors';
import { matchesRange } from '../base/semver-range';
import {
  type CheckedPackage,
  type CompatFact,
  coverageOf,
  evidenceUrl,
  type FactEvidence,
  factInWords,
  factsFile,
  loadCheckedPackages,
  loadCompatFacts,
} from '../policy/compat-facts';
import { choice, packageAndVersion, readArguments, suggested } from './parse-args';
import { UsageError } from './usage-error';

const usage = `closefds compat [--format text|json] PACKAGE[@VERSION]

Prints the entries of the compat table for PACKAGE: which FDs it passes or leaves open, what it
launches, in which versions, what breaks without the FDs, and the evidence in the published package.
With a VERSION, also prints whether this version was checked. Ignores the config: "closefds explain"
prints which rule decides.

  --format text|json   default: text

Exits with 1 if the table has no entry for PACKAGE.

  closefds compat puppeteer-core
  closefds compat tsx@4.23.0
`;

export const compat = { summary: 'what the compat table says of a package, with evidence', usage, main };

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, { format: { type: 'string' } });
  const format = choice(values.format, ['text', 'json'], '--format');
  const [subject, ...more] = positionals;
  if (subject === undefined || more.length > 0)
    throw new UsageError(`expected one PACKAGE[@VERSION], found ${positionals.length}`);
  const { name, version } = packageAndVersion(subject);
  const known = knownOf(name);
  if (known === undefined) throw new ClosefdsError('ERR_CLOSEFDS_ARGUMENT', whyUnknown(name));
  process.stdout.write(
    format === 'json'
      ? `${JSON.stringify({ package: name, version: version ?? null, ...known }, null, 2)}\n`
      : `${title(name, version, known)}\n${compatLines(name, version, known).join('\n')}\n`,
  );
  return 0;
}

/** What the compat table has of a package. */
export interface KnownPackage {
  /** The file in the repository with the evidence, or null: no entry. */
  readonly source: string | null;
  readonly facts: readonly CompatFact[];
  /** The record of a search that found nothing that it passes. */
  readonly checked: Omit<CheckedPackage, 'package'> | null;
}

/** Returns undefined if the table does not know the package. */
export function knownOf(name: string): KnownPackage | undefined {
  const facts = loadCompatFacts().get(name);
  const record = loadCheckedPackages().find(checked => checked.package === name);
  if (facts === undefined && record === undefined) return undefined;
  return {
    source: facts === undefined ? null : factsFile(name),
    facts: facts ?? [],
    checked: record === undefined ? null : { version: record.version, checked: record.checked },
  };
}

/** The packages that `knownOf()` knows. */
export function namesInTable(): string[] {
  return [...loadCompatFacts().keys(), ...loadCheckedPackages().map(checked => checked.package)];
}

function whyUnknown(name: string): string {
  return (
    `the compat table does not know "${name}"${suggested(name, namesInTable())}. ` +
    '"closefds scan" looks for FDs that its code passes; compat/README.md in the package says how to add it'
  );
}

function title(name: string, version: string | undefined, { source }: KnownPackage): string {
  return `${name}${version === undefined ? '' : `@${version}`}${source === null ? '' : ` (${source})`}:`;
}

/** The facts as lines, indented by two. `known` is what `knownOf()` returned. */
export function compatLines(name: string, version: string | undefined, known: KnownPackage): string[] {
  return [
    ...known.facts.flatMap(fact => factLines(name, version, fact)),
    ...(known.checked === null ? [] : [checkedLine(known.facts, known.checked)]),
  ];
}

/** Says how it fits to the facts: "passes nothing" below "passes pipe" reads like a contradiction. */
function checkedLine(
  facts: KnownPackage['facts'],
  { version, checked }: Omit<CheckedPackage, 'package'>,
): string {
  const passes = facts.filter(({ does }) => does === 'passes');
  const isOutside = passes.length > 0 && !passes.some(({ range }) => matchesRange(version, range));
  const which = isOutside ? `Version ${version}, which is not in such a range,` : `Version ${version}`;
  return `  ${which} was looked through on ${checked}, and passes nothing.`;
}

function factLines(name: string, version: string | undefined, fact: CompatFact): string[] {
  const { range, purpose, breaks, ends, evidence } = fact;
  const newest = evidence.at(-1);
  const rows: readonly (readonly [label: string, text: string | undefined])[] = [
    ['versions', range],
    ['', version === undefined ? undefined : coverage(fact, version)],
    ['', ends === undefined ? undefined : `until ${ends.version}: ${ends.why}`],
    ['what for', purpose],
    ['without it', breaks],
    ...evidence.map(
      (one, index) => [index === 0 ? 'evidence' : '', `${place(one)}, ${howSeen(one)}`] as const,
    ),
    ['', newest === undefined ? undefined : evidenceUrl(name, newest)],
  ];
  return [
    `  ${factInWords(fact)}`,
    ...rows.flatMap(([label, text]) => (text === undefined ? [] : [`    ${label.padEnd(12)}${text}`])),
  ];
}

function place({ version, file, line }: FactEvidence): string {
  return `${version} ${file}:${line}`;
}

function howSeen({ exercised, checked }: FactEvidence): string {
  return `${exercised} (${checked})`;
}

function coverage(fact: CompatFact, version: string): string {
  const cover = coverageOf(fact, version);
  if (cover === 'checked') return `${version} is in this range`;
  if (cover === 'outside') return `${version} is not in this range: this does not apply`;
  const isReported = fact.does === 'passes' && fact.kinds?.some(kind => kind !== 'ipc');
  return `${version} is newer than what was checked: ${isReported ? 'it passes and is reported' : 'the same is assumed'}`;
}
