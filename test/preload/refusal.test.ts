// What an uncaught refusal prints: the message, then the caller's frame.

import test from 'ava';
import { trimStack } from '../../src/callers/trim-stack';
import { temporaryFolder, write } from '../support/programs';
import { run } from '../support/run';

interface Route {
  readonly name: string;
  readonly call: string;
  readonly command: string;
}

const STDIO = `{ stdio: ['ignore', 'ignore', 'ignore', 'pipe'] }`;

const ROUTES: readonly Route[] = [
  { name: 'spawn', call: `cp.spawn('true', [], ${STDIO})`, command: 'true' },
  { name: 'spawnSync', call: `cp.spawnSync('true', [], ${STDIO})`, command: 'true' },
  { name: 'execFileSync', call: `cp.execFileSync('true', [], ${STDIO})`, command: 'true' },
  { name: 'execSync', call: `cp.execSync('true', ${STDIO})`, command: '/bin/sh' },
];

for (const { name, call, command } of ROUTES) {
  test(`${name}(): an uncaught refusal prints its message and the caller's frame, and nothing of closefds`, async t => {
    const folder = temporaryFolder(t);
    const app = write(folder, {
      'app.js': `const cp = require('node:child_process');\nfunction deploy() {\n  ${call};\n}\ndeploy();\n`,
      'package.json': '{"name": "app"}',
    });
    const { stderr, code } = await run(app, { env: { CLOSEFDS_MODE: 'strict' } });
    t.is(code, 1);
    const lines = stderr.split('\n');
    // What follows are Node's frames, which load the program.
    t.deepEqual(
      lines.slice(
        0,
        lines.findIndex(line => /^ {4}at .*node:/.test(line)),
      ),
      [
        'closefds:1',
        'throw refusal',
        '^',
        '',
        `ClosefdsError: closefds refused to start "${command}": one FD is not allowed`,
        `  designated FD 3 (a new pipe) is not allowed: the app starting "${command}" with ${name}() at ${app}:3:6`,
        '    If the child needs it, designate it with withFds(), or allow it in closefds.json:',
        '      {"rules":[{"caller":".","kinds":["pipe"],"fds":[3],"effect":"allow","reason":"..."}]}',
        `    at deploy (${app}:3:6)`,
        `    at Object.<anonymous> (${app}:5:1)`,
      ],
    );
    t.false(stderr.includes('dist/register'), stderr);
  });
}

const STACK = ['Error: text', '    at a (/own/x.js:1:1)', '    at spawn (node:child_process:1:1)'];

test('trimStack() leaves a stack without another frame as it is', t => {
  const stack = STACK.join('\n');
  t.is(trimStack(stack, '/own'), stack);
});

test('trimStack() removes leading frames only', t => {
  const rest = ['    at main (/app/a.js:1:1)', '    at node:internal:1:1', '    at b (/own/x.js:1:1)'];
  t.is(trimStack([...STACK, ...rest].join('\n'), '/own'), ['Error: text', ...rest].join('\n'));
});

test('trimStack() leaves the text of a stack-trace hook as it is', t => {
  t.is(trimStack('hooked', '/own'), 'hooked');
});
