import test from 'ava';
import type { Finding, Occurrence, PendingFinding, SpawnFinding } from '../../src/findings/finding';
import type { Caller } from '../../src/model/caller';
import { FindingEmitter } from '../../src/spawn/emit-findings';

/** As many as a thread tells apart. */
const MOST = 10_000;

interface Reported {
  readonly occurrence: Occurrence;
  readonly line: number | undefined;
  readonly file: string | undefined;
}

interface Case {
  readonly title: string;
  /** The lines of the calls after the first ten thousand, which are lines 0 to 9999. */
  readonly lines: readonly number[];
  readonly expected: readonly Reported[];
}

const CASES: readonly Case[] = [
  {
    title: 'another command at a known call site is counted as the finding of that site',
    lines: [7],
    expected: [{ occurrence: 'repeat', line: 7, file: '/app/made.js' }],
  },
  {
    title: 'the first new call site makes a finding of its caller, later ones are counted as that',
    lines: [MOST, MOST + 1, MOST + 2],
    expected: [
      { occurrence: 'first', line: undefined, file: undefined },
      { occurrence: 'repeat', line: undefined, file: undefined },
      { occurrence: 'repeat', line: undefined, file: undefined },
    ],
  },
];

for (const { title, lines, expected } of CASES) {
  test(`beyond 10,000 findings, ${title}`, t => {
    const reported: Reported[] = [];
    const report = (findings: readonly Finding[], occurrence: Occurrence) => {
      for (const { caller } of findings as readonly SpawnFinding[])
        reported.push({ occurrence, line: caller?.line, file: caller?.file });
    };
    const emitter = new FindingEmitter(report, (_step, work) => work());
    for (let line = 0; line < MOST; line++) emitter.emit([pendingAt(line, 'true')]);
    reported.length = 0;
    const emitted = lines.map(line => emitter.emit([pendingAt(line, 'false')]).length);
    t.deepEqual(reported, expected);
    t.deepEqual(
      emitted,
      lines.map(() => 1),
    );
  });
}

function pendingAt(line: number, command: string): PendingFinding {
  const caller = { name: '.', file: '/app/made.js', line } as Caller;
  const make = () => ({ code: 'CLOSEFDS_DESIGNATED', caller }) as SpawnFinding;
  return {
    dedupKey: `site ${line} ${command}`,
    siteKey: `site ${line}`,
    disposition: 'closed',
    sourceFd: 3,
    make,
  };
}
