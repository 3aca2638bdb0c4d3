// Collects the sites of one file, and the nodes that they account for.

import type { AnyNode, CallExpression } from 'acorn';
import { isVocabulary } from './heuristics';
import { type PassedSlots, passedSlots } from './passed-slots';
import { type Confidence, mergeSites, type Reason, type Site, unique } from './site';
import { isOwnNode } from './source/linked-modules';
import { createPosition, excerpt } from './source/position';
import type { StdioArray } from './values/stdio-array';

interface Grade {
  readonly confidence: Confidence;
  readonly reason: Reason;
}

type NewSite = Partial<Site> & Pick<Site, 'siteType' | 'confidence' | 'reason'>;

const MOST_LINES = 101;
const LONGEST_SOURCE = 200;

export class SiteCollector {
  private readonly sites: Site[] = [];
  /** Arrays and pushes that belong to a site. */
  private readonly accounted = new Set<AnyNode>();
  private readonly position: (offset: number) => { line: number; column: number };

  constructor(private readonly text: string) {
    this.position = createPosition(text);
  }

  /** Sorted, one site a place. */
  merged(): readonly Site[] {
    return mergeSites(this.sites);
  }

  sourceOf({ start, end }: AnyNode): string {
    return this.text.slice(start, Math.min(end, start + LONGEST_SOURCE));
  }

  isAccountedFor(node: AnyNode): boolean {
    return this.accounted.has(node);
  }

  accountFor(nodes: readonly AnyNode[]): void {
    for (const node of nodes) this.accounted.add(node);
  }

  /** Adds the arrays that a call gets. Returns whether any of them passes more than stdio. */
  addPassed(call: AnyNode, arrays: readonly StdioArray[], callee: string): boolean {
    let isFound = false;
    for (const array of arrays) {
      this.accountFor(array.nodes);
      const passed = passedSlots(array);
      if (passed === undefined) continue;
      isFound = true;
      this.addStdio(call, array, passed, gradeOfPassed(array, passed), callee);
    }
    return isFound;
  }

  /** Adds arrays whose call is not known, unless a site accounts for them. */
  addUncalled(
    node: AnyNode,
    arrays: readonly StdioArray[],
    grade: Grade = { confidence: 'likely', reason: 'name' },
  ): void {
    for (const array of arrays) {
      if (array.nodes.every(part => this.accounted.has(part)) || array.nodes.some(isVocabulary)) continue;
      const passed = passedSlots(array);
      // What an unknown function may have done to it alone is no evidence.
      const isNews = !array.isHanded || !this.accounted.has(array.nodes[0] as AnyNode);
      if (passed === undefined || !isNews || (array.isHanded && passed.isOpen)) continue;
      this.accountFor(array.nodes);
      // Without a call, unknown values are weak evidence.
      const isWeak = (passed.isOpen || array.isHanded) && grade.confidence === 'likely';
      this.addStdio(node, array, passed, isWeak ? { ...grade, confidence: 'possible' } : grade);
    }
  }

  private addStdio(
    node: AnyNode,
    { nodes }: StdioArray,
    { kinds, slots, more }: PassedSlots,
    grade: Grade,
    callee?: string,
  ): void {
    this.add(node, { siteType: 'stdio', ...grade, kinds, slots, more, ...(callee && { callee }) }, nodes);
  }

  /** `parts`: the nodes of the array that the site is about. */
  add(node: AnyNode, site: NewSite, nodes: readonly AnyNode[] = []): void {
    // Parts in an imported module have no lines in this file.
    const parts = nodes.filter(isOwnNode);
    const at = node.type === 'CallExpression' ? stackOffset(node) : node.start;
    const { line, column } = this.position(at);
    const shown = parts[0]?.start ?? node.start;
    const lines = [node.start, at].map(start => this.position(start).line);
    for (const part of parts) lines.push(...this.linesOf(part));
    this.sites.push({
      kinds: [],
      slots: [],
      more: false,
      ...site,
      line,
      column,
      lines: unique([line, ...lines]).sort((a, b) => a - b),
      snippet: excerpt(this.text, shown),
      snippetLine: this.position(shown).line,
    });
  }

  /** All lines of an array, which may have one element a line; the first line of other nodes. */
  private linesOf({ type, start, end }: AnyNode): number[] {
    const first = this.position(start).line;
    const last = type === 'ArrayExpression' ? this.position(end).line : first;
    return Array.from({ length: Math.min(last - first + 1, MOST_LINES) }, (_, index) => first + index);
  }
}

function gradeOfPassed({ rest, isHanded }: StdioArray, { isOpen, more, slots }: PassedSlots): Grade {
  if (isHanded) return { confidence: 'possible', reason: 'handed' };
  if (slots.length > 0 && !isOpen) return { confidence: 'certain', reason: 'call-and-array' };
  if (slots.length > 0) return { confidence: 'likely', reason: 'open-slot' };
  if (more && !isOpen) return { confidence: 'likely', reason: 'grows' };
  return { confidence: 'possible', reason: rest.length > 0 ? 'open-rest' : 'open-slot' };
}

/** The position of a call in a stack trace: the name of a method, otherwise the callee. */
function stackOffset({ callee }: CallExpression): number {
  return callee.type === 'MemberExpression' ? callee.property.start : callee.start;
}
