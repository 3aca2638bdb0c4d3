// The daemon gets its options over the channel: without them it does not load the app.
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

writeFileSync(
  'daemon.cjs',
  `require('fs').writeFileSync(__dirname + '/up', ''); setInterval(() => {}, 1000);`,
);
// It takes paths from the CommonJS module that loads it.
writeFileSync(
  'control.cjs',
  `module.exports = require('daemonize2').setup({ main: 'daemon.cjs', name: 'app', pidfile: 'app.pid', silent: true });`,
);
const daemon = createRequire(import.meta.url)('./control.cjs');
daemon.start();
for (let tries = 0; tries < 100 && !existsSync('up'); tries++) await sleep(100);
console.log(existsSync('up') ? 'up' : 'not up');
daemon.kill();
