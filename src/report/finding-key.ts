// The stable key of a finding: the same on another machine, in another version, and after a line has moved.

import { baseName } from '../base/base-name';
import { compare } from '../base/counter';
import { type ReportRecord, toCallerAgain } from '../findings/record';
import { targetPattern } from '../findings/target-pattern';
import { callSite, responsibleFor } from '../model/caller';

/**
 * Package, file, route, kind, number or target, command: without lines, versions, pids and folders. `appRoot` is
 * cut off the targets of strays. A finding about closefds itself is its code.
 */
export function findingKey(record: ReportRecord, appRoot: string): string {
  const { code, kind, childFd, route, command } = record;
  if (route === undefined) return `closefds | ${code}`;
  const place = record.caller && responsibleFor(toCallerAgain(record.caller), kind).place;
  const fd = kind === 'stray' ? strayTarget(record, appRoot) : (childFd ?? '');
  const site = [place?.name ?? '?', place?.fileInPackage ?? place?.file ?? '?'];
  const what = code === 'CLOSEFDS_UNSAFE' ? 'unsafe' : (kind ?? '');
  return [...site, route, what, fd, baseName(command ?? '')].join(' | ');
}

function strayTarget({ target = '', pid, type }: ReportRecord, appRoot: string): string {
  const pattern = targetPattern(target, pid);
  const isInside = appRoot !== '/' && pattern.startsWith(`${appRoot}/`);
  if (pattern === '') return type ?? '';
  return isInside ? `.${pattern.slice(appRoot.length)}` : pattern;
}

/** The findings of a run by key: each call site of a key once, so that a second one in the same file is new. */
export class FindingSites {
  readonly #sites = new Map<string, Map<string, ReportRecord>>();
  readonly #appRoot: string;

  constructor(appRoot: string) {
    this.#appRoot = appRoot;
  }

  add(record: ReportRecord): void {
    const key = findingKey(record, this.#appRoot);
    const sites = this.#sites.get(key) ?? new Map<string, ReportRecord>();
    const site = callSite(record.caller && toCallerAgain(record.caller));
    if (!sites.has(site)) sites.set(site, record);
    this.#sites.set(key, sites);
  }

  counts(): Map<string, number> {
    return new Map([...this.#sites].map(([key, sites]) => [key, sites.size]));
  }

  /** The keys with more call sites than `known` has, and these sites' first records. */
  newIn(
    known: ReadonlyMap<string, number>,
  ): { readonly key: string; readonly records: readonly ReportRecord[] }[] {
    return [...this.#sites]
      .filter(([key, sites]) => sites.size > (known.get(key) ?? 0))
      .map(([key, sites]) => ({ key, records: [...sites.values()] }))
      .sort((a, b) => compare(a.key, b.key));
  }
}
