// The command starts a monitor in the background and gives it its options over the channel at slot 0.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

writeFileSync('server.js', `require('fs').writeFileSync('up', ''); setInterval(() => {}, 1000);`);
mkdirSync('forever');
const command = createRequire(import.meta.url).resolve('forever/bin/forever');
const forever = (...args) =>
  spawnSync(process.execPath, [command, '-p', path.resolve('forever'), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
forever('start', 'server.js');
for (let tries = 0; tries < 100 && !existsSync('up'); tries++) await sleep(100);
console.log(existsSync('up') ? 'up' : 'not up');
forever('stopall');
