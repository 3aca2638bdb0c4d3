// The list of strays tells a part of what each refers to, and what /proc says must be the same.

import path from 'node:path';
import test from 'ava';
import type { OpenFile } from '../../src/model/spawn-request';
import { LEAK, ROOT, run } from '../support/run';

interface Answer {
  readonly described: Readonly<Record<string, { readonly listed: OpenFile; readonly read: OpenFile }>>;
  readonly changed: object;
  readonly thousands: object;
}

const answered = run(path.join(ROOT, 'test', 'fixtures', 'listed-strays.js'), {
  nodeArgs: [],
  env: { ROOT, LEAK },
}).then(({ stdout, stderr }) => {
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Answer;
});

for (const { what, type, access, isNullDevice } of [
  { what: 'file', type: 'file', access: 'read', isNullDevice: false },
  { what: 'null device', type: 'device', access: 'write', isNullDevice: true },
  { what: 'memory device', type: 'device', access: 'both', isNullDevice: false },
  { what: 'terminal', type: 'tty', access: 'both', isNullDevice: false },
  { what: 'folder', type: 'other', access: 'read', isNullDevice: false },
  { what: 'path', type: 'device', access: 'read', isNullDevice: true },
  { what: 'pipe', type: 'pipe', access: 'read', isNullDevice: false },
  { what: 'socket', type: 'socket', access: 'both', isNullDevice: false },
  { what: 'event FD', type: 'other', access: 'both', isNullDevice: false },
] as const) {
  test(`a listed stray is described as by /proc: ${what}`, async t => {
    const { described } = await answered;
    const { listed, read } = described[what] ?? {};
    t.deepEqual(listed, read);
    t.like(listed, { type, access, isNullDevice });
  });
}

test('the list and its values stay the same while nothing changes', async t => {
  const { changed } = await answered;
  const target = '/dev/zero';
  t.deepEqual(changed, { isSameList: true, isGone: true, isSameValue: true, isOtherValue: true, target });
});

test('beyond a thousand strays, the access is read when it is asked for, and another file is no known stray', async t => {
  const { thousands } = await answered;
  t.deepEqual(thousands, { unknown: true, wrong: [], isSameList: true, isKnown: true, isTaken: false });
});
