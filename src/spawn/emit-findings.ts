// Reports each finding once and counts it afterwards, within bounds.

import type { Finding, Occurrence, PendingFinding, SpawnFinding } from '../findings/finding';
import type { Passed } from './offset-watch';
import type { TryOr } from './steps';

/** Beyond so many findings, what is new is counted as the first at its call site. */
const MOST_FINDINGS = 10_000;

type ReportFindings = (findings: readonly SpawnFinding[], occurrence: Occurrence) => void;

/** What is new in one spawn at one call site. */
interface SiteNews {
  readonly isFirst: boolean;
  readonly findings: SpawnFinding[];
}

/** One for each thread. */
export class FindingEmitter {
  readonly #report: ReportFindings;
  readonly #tryOr: TryOr;
  readonly #byKey = new Map<string, SpawnFinding>();
  readonly #firstOfSite = new Map<string, SpawnFinding>();

  constructor(report: (findings: readonly Finding[], occurrence: Occurrence) => void, tryOr: TryOr) {
    this.#report = report;
    this.#tryOr = tryOr;
  }

  /** Reports the findings of one spawn. Returns what was reported: the same finding for the same key. */
  emit(pending: readonly PendingFinding[]): Passed[] {
    const news = new Map<string, SiteNews>();
    const repeated: SpawnFinding[] = [];
    const emitted = pending.flatMap(one => this.#emitOne(one, news, repeated));
    if (repeated.length > 0) this.#report(repeated, 'repeat');
    for (const { isFirst, findings } of news.values()) this.#report(findings, isFirst ? 'first' : 'variant');
    return emitted;
  }

  #emitOne(pending: PendingFinding, news: Map<string, SiteNews>, repeated: SpawnFinding[]): Passed[] {
    const { dedupKey, siteKey, sourceFd, make } = pending;
    const isFull = this.#byKey.size >= MOST_FINDINGS;
    const known = this.#byKey.get(dedupKey) ?? (isFull ? this.#firstOfSite.get(siteKey) : undefined);
    if (known !== undefined) {
      repeated.push(known);
      return [{ finding: known, fd: sourceFd }];
    }
    const finding = isFull ? undefined : this.#tryOr('making a finding', make, undefined);
    if (finding === undefined) return [];
    this.#byKey.set(dedupKey, finding);
    const ofSite = news.get(siteKey) ?? { isFirst: !this.#firstOfSite.has(siteKey), findings: [] };
    ofSite.findings.push(finding);
    news.set(siteKey, ofSite);
    if (!this.#firstOfSite.has(siteKey)) this.#firstOfSite.set(siteKey, finding);
    return [{ finding, fd: sourceFd }];
  }
}
