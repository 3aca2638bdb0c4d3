// A kept number is that of a file: what another file has it by the time of the spawn does not arrive.
//
// Each program has a stray at FD 40 that passes, and puts a private file of Node's in its place: where
// Node reads an option late, or where a finding is published. As without closefds, where nothing
// is unmarked, the child must not have it.

import test, { type ExecutionContext } from 'ava';
import { fixture, temporaryFolder, write } from '../support/programs';
import { WAYS, type WayOfGuard } from '../support/routes';
import { LEAK, LIST_FDS, ROOT, run } from '../support/run';

const PRELUDE = fixture('swap-stray.js');

/** Ways to list a child's FDs while \`work\` runs at some time after the look at the strays. */
const MOMENTS: Readonly<Record<string, { readonly during: string; readonly bare: boolean }>> = {
  'a late option of spawnSync()': {
    during: `async work => String(spawnSync(LIST, late({}, work)).stdout)`,
    bare: true,
  },
  'a late option of execFileSync()': {
    during: `async work => String(execFileSync(LIST, late({}, work)))`,
    bare: true,
  },
  'a late option of ChildProcess.spawn()': {
    during: `work => new Promise(resolve => {
      const child = new ChildProcess();
      const stdio = ['ignore', 'pipe', 'inherit'];
      child.spawn(late({ file: LIST, args: [LIST], envPairs: [], stdio }, work));
      child.stdout.once('data', data => resolve(String(data)));
    })`,
    bare: true,
  },
  'a late option of a call with unsafe()': {
    during: `async work => {
      const { unsafe } = require(${JSON.stringify(ROOT)});
      return String(spawnSync(LIST, late(unsafe({}, 'test'), work)).stdout);
    }`,
    bare: true,
  },
  // Without closefds, nothing is published.
  'a subscriber to findings': {
    during: `async work => {
      const { subscribe, unsubscribe } = require('node:diagnostics_channel');
      subscribe('closefds:finding', work);
      try { return String(spawnSync(LIST).stdout); } finally { unsubscribe('closefds:finding', work); }
    }`,
    bare: false,
  },
};

const RULES = {
  enforce: [{ kinds: ['stray'], fds: [40], effect: 'warn' }],
  // Everything is marked but what is known and not denied.
  warn: [{ kinds: ['stray'], fds: [41], effect: 'deny' }],
  off: [],
};

/** The child's FDs with the allowed file, with another in its place, and with the allowed one again. */
async function fdsOf(
  t: ExecutionContext,
  { register, env }: WayOfGuard,
  during: string,
  mode: keyof typeof RULES,
): Promise<unknown> {
  const body = `
    const during = ${during};
    (async () => {
      ${mode === 'warn' ? `leak.open(__filename, 41);` : ''}
      const seen = [await during(nothing), await during(swap)];
      fs.closeSync(40);
      open();
      seen.push(await during(nothing));
      console.log(JSON.stringify(seen.map(fds => JSON.parse(fds))));
    })();`;
  const program = write(temporaryFolder(t), {
    'app.js': PRELUDE + body,
    'closefds.json': JSON.stringify({ rules: RULES[mode] }),
    'package.json': '{"name": "app"}',
  });
  const nodeArgs = ['--require', register()];
  const result = await run(program, {
    nodeArgs,
    env: { LEAK, LIST: LIST_FDS, NODE_NO_WARNINGS: '1', CLOSEFDS_MODE: mode, ...env },
  });
  t.is(result.code, 0, result.stderr);
  return JSON.parse(result.stdout);
}

const WITH = [0, 1, 2, 40];
const WITHOUT = [0, 1, 2];

for (const way of WAYS) {
  for (const [moment, { during, bare }] of Object.entries(MOMENTS)) {
    test(`${way.name}: what ${moment} puts in the place of an allowed stray does not arrive`, async t => {
      t.deepEqual(await fdsOf(t, way, during, 'enforce'), [WITH, WITHOUT, WITH]);
      if (bare) t.deepEqual(await fdsOf(t, way, during, 'off'), [WITH, WITHOUT, WITH], 'without closefds');
    });
  }
}

// The fallback guard lays a null device over FD 41, which is then there.
for (const way of WAYS.filter(({ name }) => name !== 'fallback')) {
  test(`${way.name}: a file in the place of a stray that passes in warn does not arrive`, async t => {
    const { during = '' } = MOMENTS['a late option of spawnSync()'] ?? {};
    t.deepEqual(await fdsOf(t, way, during, 'warn'), [WITH, WITHOUT, WITH]);
  });
}
