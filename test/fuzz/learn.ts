// Rules learned from report files: whatever was in these, it is a config that a process starts with,
// and after which there is nothing more to learn from the same files.

import fc from 'fast-check';
import type { ReportRecord } from '../../src/findings/record';
import { parseConfig } from '../../src/policy/parse-config';
import { toPolicy } from '../../src/policy/rule';
import { createGroups } from '../../src/report/aggregate';
import { type Proposal, suggestRules } from '../../src/report/suggest-rules';
import { records } from './report';
import { must, property, type Target } from './target';

const ALWAYS = { childFd: 3, command: 'a', target: '/a', type: 'file', access: 'read' };

/** About a spawn, and often used: else nothing is learned. What such a finding always has, it has. */
const found = fc
  .tuple(records, fc.constantFrom(true, 'likely', false), fc.constantFrom('fd', 'pipe', 'ipc', 'stray'))
  .map(([record, used, kind]) => ({ kind, ...ALWAYS, ...record, route: 'spawn', used }) as ReportRecord);

const settings = { aliases: {}, unverified: 'warn', compat: [] } as const;

function check(all: readonly ReportRecord[]): void {
  const groups = createGroups();
  for (const record of all) groups.add(record);
  const { byCaller } = groups.result();
  const learned = (rules: Proposal['rules']): Proposal => {
    const config = parseConfig({ rules }, 'f');
    return suggestRules(byCaller, {
      policy: toPolicy({ ...settings, rules: config.rules }, 0),
      announced: true,
      acceptLikely: true,
    });
  };

  const first = learned([]);
  const again = learned(first.rules);
  must(
    again.rules.length === 0,
    `with its rules there is nothing more to learn: ${JSON.stringify(again.rules)}`,
  );
}

export const LEARN_TARGET: Target = property(
  'learn',
  'rules that are learned can be read, and then there is nothing more to learn',
  500,
  fc.array(found, { maxLength: 6 }),
  check,
);
