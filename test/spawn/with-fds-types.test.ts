// That this file compiles is the test: options written in place keep their words through both functions.

import { exec, fork, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import test from 'ava';
import { unsafe, withFds } from '../../src/index';

const compiles = {
  word: () => spawn('x', [], unsafe({ stdio: 'inherit' }, 'r')),
  words: () => spawn('x', [], unsafe({ stdio: ['pipe', 'inherit', 3, 'ipc'], killSignal: 'SIGINT' }, 'r')),
  encoding: () => spawnSync('x', [], withFds({ encoding: 'utf8' }, { 3: 5 })).stdout.trim(),
  exec: () => exec('x', withFds({ env: process.env }, { 3: 5 }), () => {}),
  fork: () =>
    fork('x', withFds({ stdio: ['pipe', 'pipe', 'pipe', 'ipc'], serialization: 'advanced' }, { 4: 5 })),
  declared: (options: SpawnOptions) => spawn('x', [], unsafe(withFds(options, { 3: 'pipe' }), 'r')),
};

test('withFds() and unsafe() keep the values of stdio at run time', t => {
  t.is(Object.keys(compiles).length, 6);
  const { stdio, cwd } = unsafe({ stdio: 'inherit', cwd: '/' }, 'r');
  t.deepEqual({ stdio, cwd }, { stdio: 'inherit', cwd: '/' });
});
