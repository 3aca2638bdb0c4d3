// What the deep guard tells: each gap that the addon counts, once.

import test from 'ava';
import { coversNode, gapsOf, startDeepGuard } from '../../src/hooks/deep-guard';
import { type DeepState, NO_STRAY_GUARD } from '../../src/strays/stray-guard';

const WHOLE: DeepState = {
  stage: 2,
  objects: 7,
  covered: 8,
  denied: 0,
  foreign: 0,
  old: 0,
  hostMissed: 0,
  canClose: true,
  knowsActions: true,
  leavesVfork: false,
  markedCalls: 0,
  lostRecords: 0,
};

test('where all is covered, nothing is told', t => {
  t.deepEqual(gapsOf(WHOLE), []);
  t.true(coversNode(WHOLE));
});

for (const { change, what } of [
  { change: { stage: 1 }, what: /^this C library is not glibc 2\.34 or newer/ },
  { change: { denied: 3 }, what: /^3 imports could not be written/ },
  { change: { foreign: 2 }, what: /^2 imports belong to another tool/ },
  { change: { old: 1 }, what: /^1 imports ask for an old version of posix_spawn\(\)/ },
  { change: { canClose: false }, what: /no close_range\(\) and no \/proc/ },
  { change: { knowsActions: false }, what: /file actions in an unknown way/ },
  { change: { leavesVfork: true }, what: /a shadow stack is in use/ },
  { change: { markedCalls: 5 }, what: /^5 native calls had FDs set close-on-exec/ },
  { change: { lostRecords: 9 }, what: /^9 native processes were guarded and not reported/ },
] as const)
  test(`${JSON.stringify(change)} is told`, t => {
    const gaps = gapsOf({ ...WHOLE, ...change });
    t.deepEqual(
      gaps.map(({ key }) => key),
      Object.keys(change) as (keyof DeepState)[],
    );
    t.regex(gaps[0]?.what ?? '', what);
  });

test("Node's own calls are not covered if an import of Node was missed, or nothing runs", t => {
  t.false(coversNode({ ...WHOLE, hostMissed: 1 }));
  t.false(coversNode({ ...WHOLE, stage: 0 }));
});

test('each kind of gap is told once, when it is there', t => {
  const told: string[] = [];
  let state = WHOLE;
  const deep = {
    deepArm: () => true,
    deepWalk: () => true,
    deepState: () => state,
    deepObjects: () => [],
    deepSetObject: () => undefined,
    deepRecords: () => [],
  };
  const { dlopen } = process;
  const exits = process.listeners('exit');
  const guard = startDeepGuard({
    mode: 'enforce',
    strayGuard: { ...NO_STRAY_GUARD, deep },
    isMainThread: true,
    toObject: file => ({ file, caller: undefined, policy: { treatment: 'guard', keep: [], rules: [] } }),
    createReports: () => ({ add: () => undefined, finish: () => undefined }),
    hasStrayRules: false,
    onPartial: what => told.push(what),
    setInterval,
  });
  process.dlopen = dlopen;
  for (const listener of process.listeners('exit'))
    if (!exits.includes(listener)) process.off('exit', listener);
  t.deepEqual(told, []);
  state = { ...WHOLE, denied: 1 };
  guard.mark();
  guard.mark();
  state = { ...WHOLE, denied: 2, markedCalls: 1 };
  guard.mark();
  t.is(told.length, 2);
  t.regex(told[0] ?? '', /^1 imports could not be written/);
  t.regex(told[1] ?? '', /^1 native calls had FDs set/);
});

for (const { hasStrayRules, asked } of [
  { hasStrayRules: false, asked: ['/app/node_modules/a/a.node'] },
  { hasStrayRules: true, asked: ['/usr/lib/libc.so.6', '/app/node_modules/a/a.node'] },
]) {
  const title = hasStrayRules ? 'with a rule about strays, each object' : 'else, each object of a package';
  test(`${title} gets its policy when it appears`, t => {
    const found: string[] = [];
    const files = ['/usr/lib/libc.so.6', '/app/node_modules/a/a.node'];
    const deep = {
      deepArm: () => true,
      deepWalk: () => false,
      deepState: () => WHOLE,
      deepObjects: (from: number) => files.slice(from),
      deepSetObject: () => undefined,
      deepRecords: () => [],
    };
    const { dlopen } = process;
    startDeepGuard({
      mode: 'enforce',
      strayGuard: { ...NO_STRAY_GUARD, deep },
      isMainThread: false,
      toObject: file => {
        found.push(file);
        return { file, caller: undefined, policy: { treatment: 'guard', keep: [], rules: [] } };
      },
      createReports: () => ({ add: () => undefined, finish: () => undefined }),
      hasStrayRules,
      onPartial: () => undefined,
      setInterval,
    });
    process.dlopen = dlopen;
    t.deepEqual(found, asked);
  });
}
