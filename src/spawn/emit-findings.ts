// Reports each finding once and counts it afterwards, within bounds.

import type { Finding, Occurrence, PendingFinding, SpawnFinding } from '../findings/finding';
import type { Passed } from './offset-watch';
import type { TryOr } from './steps';

/**
 * Beyond so many findings, what is new is counted as the first at its call site, and at a new call site as one finding
 * of its caller, without a place: a program may generate code.
 */
const MOST_FINDINGS = 10_000;

type ReportFindings = (findings: readonly SpawnFinding[], occurrence: Occurrence) => void;

/** What is new in one spawn at one call site, or of one caller. */
interface News {
  readonly isFirst: boolean;
  readonly findings: SpawnFinding[];
}

/** `newKey`: for a new finding, that of the warning that it belongs to, by call site or by caller. */
interface Found {
  readonly finding: SpawnFinding;
  readonly newKey?: string;
}

/** One for each thread. */
export class FindingEmitter {
  readonly #report: ReportFindings;
  readonly #tryOr: TryOr;
  readonly #byKey = new Map<string, SpawnFinding>();
  /** By site key, and by caller key. */
  readonly #first = new Map<string, SpawnFinding>();

  constructor(report: (findings: readonly Finding[], occurrence: Occurrence) => void, tryOr: TryOr) {
    this.#report = report;
    this.#tryOr = tryOr;
  }

  /** Reports the findings of one spawn. Returns what was reported: the same finding for the same key. */
  emit(pending: readonly PendingFinding[]): Passed[] {
    const news = new Map<string, News>();
    const repeated: SpawnFinding[] = [];
    const emitted = pending.flatMap(one => this.#emitOne(one, news, repeated));
    if (repeated.length > 0) this.#report(repeated, 'repeat');
    for (const { isFirst, findings } of news.values()) this.#report(findings, isFirst ? 'first' : 'variant');
    return emitted;
  }

  #emitOne(pending: PendingFinding, news: Map<string, News>, repeated: SpawnFinding[]): Passed[] {
    const found = this.#find(pending);
    if (found === undefined) return [];
    const { finding, newKey } = found;
    if (newKey === undefined) repeated.push(finding);
    else this.#add(finding, newKey, news);
    return [{ finding, fd: pending.sourceFd }];
  }

  /** undefined if it could not be made. */
  #find({ dedupKey, siteKey, make }: PendingFinding): Found | undefined {
    const isFull = this.#byKey.size >= MOST_FINDINGS;
    const known = this.#byKey.get(dedupKey) ?? (isFull ? this.#first.get(siteKey) : undefined);
    if (known !== undefined) return { finding: known };
    const finding = this.#tryOr('making a finding', make, undefined);
    if (finding === undefined) return undefined;
    if (isFull) return this.#ofCaller(finding);
    this.#byKey.set(dedupKey, finding);
    return { finding, newKey: siteKey };
  }

  #ofCaller(finding: SpawnFinding): Found {
    const key = callerKey(finding);
    const known = this.#first.get(key);
    return known === undefined ? { finding: withoutPlace(finding), newKey: key } : { finding: known };
  }

  #add(finding: SpawnFinding, key: string, news: Map<string, News>): void {
    const ofKey = news.get(key) ?? { isFirst: !this.#first.has(key), findings: [] };
    ofKey.findings.push(finding);
    news.set(key, ofKey);
    if (!this.#first.has(key)) this.#first.set(key, finding);
  }
}

/** The same for all call sites of a caller, and of an object that makes processes natively. */
function callerKey({ code, disposition, kind, rule, route, caller, native }: SpawnFinding): string {
  const of = native === undefined ? [] : [route, native.object];
  return ['caller', caller?.name, caller?.version, code, disposition, kind, rule?.source, ...of].join(' ');
}

/** Who called, and not from where. */
function withoutPlace(finding: SpawnFinding): SpawnFinding {
  const { caller } = finding;
  if (caller === undefined) return finding;
  const { name, version, declaredName } = caller;
  const nowhere = { file: undefined, fileInPackage: undefined, line: undefined, column: undefined };
  return {
    ...finding,
    caller: { name, version, declaredName, ...nowhere, function: undefined, launchers: [] },
  };
}
