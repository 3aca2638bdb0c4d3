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
    const { dedupKey, siteKey, callerKey, sourceFd, make } = pending;
    const isFull = this.#byKey.size >= MOST_FINDINGS;
    const similar = isFull ? (this.#first.get(siteKey) ?? this.#first.get(callerKey)) : undefined;
    const known = this.#byKey.get(dedupKey) ?? similar;
    if (known !== undefined) {
      repeated.push(known);
      return [{ finding: known, fd: sourceFd }];
    }
    const made = this.#tryOr('making a finding', make, undefined);
    if (made === undefined) return [];
    const finding = isFull ? withoutPlace(made) : made;
    if (!isFull) this.#byKey.set(dedupKey, finding);
    this.#add(finding, isFull ? callerKey : siteKey, news);
    return [{ finding, fd: sourceFd }];
  }

  #add(finding: SpawnFinding, key: string, news: Map<string, News>): void {
    const ofKey = news.get(key) ?? { isFirst: !this.#first.has(key), findings: [] };
    ofKey.findings.push(finding);
    news.set(key, ofKey);
    if (!this.#first.has(key)) this.#first.set(key, finding);
  }
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
