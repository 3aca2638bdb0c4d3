// As spawner.js, with Bun.spawn(), which always closes; no-close-range.c makes it not to.

import { openSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const build = path.join(import.meta.dir, '..', '..', 'build');
const { cpu } = require(path.join(build, 'usage.node'));

const { child, fds = 0, strays = 0 } = JSON.parse(process.argv[2]);
for (let i = 0; i < fds; i++) openSync('/dev/null');
for (let i = 0; i < strays; i++) require(path.join(build, 'leak.node')).open('/dev/zero', 3);

const spawn = () => Bun.spawn(child, { stdio: ['ignore', 'ignore', 'ignore'] }).exited;

async function play({ count, most }) {
  const times = [];
  await spawn();
  const before = cpu();
  const begin = performance.now();
  let now = begin;
  while (times.length < count && now - begin < most) {
    const start = now;
    await spawn();
    now = performance.now();
    times.push(now - start);
  }
  return { times, cpu: cpu() - before };
}

console.log('{}');
for await (const line of console) console.log(JSON.stringify(await play(JSON.parse(line))));
