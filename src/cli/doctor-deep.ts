// The part of `closefds doctor` that tries the deep guard.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { prebuiltFile } from '../base/prebuilt-file';
import { gapsOf } from '../hooks/deep-guard';
import { PACKAGE_ROOT } from '../preload/install';
import type { DeepState } from '../strays/stray-guard';

/** The numbers of native/deep_probe.c. */
const WAYS = ['system()', 'popen()', 'posix_spawn()', 'vfork()'] as const;
type Way = (typeof WAYS)[number];

/** What became of the stray in a process that an addon made. */
type Fate = 'arrived' | 'closed' | 'unknown';

export interface DeepReport {
  /** Whether the config or CLOSEFDS_DEEP asks for it. */
  readonly wanted: boolean;
  /** Whether no stray arrived with it. */
  readonly holds: boolean;
  readonly without: Readonly<Partial<Record<Way, Fate>>>;
  readonly with: Readonly<Partial<Record<Way, Fate>>>;
  /** undefined: the deep guard does not run here. */
  readonly state?: DeepState;
  /** What is not covered here. */
  readonly gaps: readonly string[];
  readonly failure?: string;
}

/** Above the FDs that Node has at start. */
const STRAY_FD = 100;

/** The addon is loaded after closefds, as a program's addons are. */
const PROBE = `
  const { make } = require(process.argv[1]);
  const fates = { '1': 'arrived', '0': 'closed' };
  const ways = ${JSON.stringify(WAYS)}.map((way, index) => [way, fates[make(index, ${STRAY_FD})] ?? 'unknown']);
  const state = globalThis[Symbol.for('closefds.installed')]?.strayGuard?.deep?.deepState();
  process.stdout.write(JSON.stringify({ ways: Object.fromEntries(ways), state }));
`;

interface DeepProbe {
  readonly ways: Readonly<Partial<Record<Way, Fate>>>;
  readonly state?: DeepState;
  readonly failure?: string;
}

/** Starts Node without and with the deep guard; an addon there makes a process in each way, with a stray. */
export function tryDeepGuard(wanted: boolean, folder: string): DeepReport {
  const without = probe('0', folder);
  const guarded = probe('1', folder);
  const failure = without.failure ?? guarded.failure;
  const { state } = guarded;
  return {
    wanted,
    holds: failure === undefined && WAYS.every(way => guarded.ways[way] === 'closed'),
    without: without.ways,
    with: guarded.ways,
    ...(state !== undefined && { state }),
    gaps: state === undefined ? [] : gapsOf(state).map(({ what }) => what),
    ...(failure !== undefined && { failure }),
  };
}

function probe(deep: '0' | '1', cwd: string): DeepProbe {
  const addon = prebuiltFile('deep-probe', 'node');
  const register = path.join(PACKAGE_ROOT, 'dist', 'register', 'index.js');
  const child = spawnSync(process.execPath, ['--require', register, '-e', PROBE, addon], {
    cwd,
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      CLOSEFDS_MODE: 'enforce',
      CLOSEFDS_CONFIG: '',
      CLOSEFDS_REPORT: '',
      CLOSEFDS_DEEP: deep,
      NODE_NO_WARNINGS: '1',
    },
    encoding: 'utf8',
  });
  try {
    return JSON.parse(child.stdout) as DeepProbe;
  } catch {
    const why = (child.error?.message ?? child.stderr).trim().slice(0, 500);
    return { ways: {}, failure: `the test did not run (${why})` };
  }
}

const STAGES = [
  'does not run here',
  "libuv forks, and another library's call sets close-on-exec in this process first",
  'each import of a function that makes processes leads to a wrapper',
];

/** Pairs of a name and a text. */
export function deepLines(report: DeepReport): (readonly [string, string])[] {
  const { state, failure } = report;
  return [
    ['setting', report.wanted ? 'on' : 'off: set "deep": true in the config, or CLOSEFDS_DEEP=1'],
    ...(failure === undefined
      ? WAYS.map(way => [way, `without: ${report.without[way]}, with: ${report.with[way]}`] as const)
      : [['FAILED', failure] as const]),
    ['way', STAGES[state?.stage ?? 0] ?? 'unknown'],
    ...(state === undefined
      ? []
      : ([
          ['objects', String(state.objects)],
          ['slots', slotsTitle(state)],
        ] as const)),
    ...report.gaps.map(gap => ['not covered', gap] as const),
  ];
}

function slotsTitle({ covered, denied, foreign, old }: DeepState): string {
  return `${covered} covered, ${denied} denied, ${foreign} of another tool, ${old} of an old version`;
}
