// npm run demo: what children of Node.js get today, and what they get with closefds.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const register = createRequire(import.meta.url).resolve('closefds/register');
const node = [process.execPath, '--no-warnings'];
const guardedNode = [...node, '--require', register];

if (process.platform !== 'linux') {
  console.log('This demo shows a problem that only Linux has. Your system closes the FDs by itself.');
  process.exit(0);
}

show(
  'A server has a LevelDB database open. It starts a shell, as user "nobody":',
  'what is in the shell',
  runDatabase(node),
  runDatabase(guardedNode),
);
show(
  'A shell script takes a lock (exec 200>lock; flock 200) and runs a program that starts a daemon.\nThe script and the program have ended. Is the lock free again?',
  'whether the next program gets the lock',
  runLock(node),
  runLock(guardedNode),
);
console.log('The program is the same in both columns; so is everything it does on purpose. Now yours:\n');
console.log('    node --require closefds/register app.js\n');

function runDatabase(command) {
  return run(command[0], [...command.slice(1), path.join(here, 'demo', 'database.mjs')]);
}

function runLock(command) {
  if (!existsSync('/usr/bin/flock') && !existsSync('/bin/flock')) return ['(flock is not installed here)'];
  const folder = mkdtempSync(path.join(tmpdir(), 'closefds-demo-'));
  const script = `
    ( exec 200>lock; flock 200; "$@" )
    if flock --nonblock lock true; then
      echo "yes"
    else
      echo "no: the daemon has it and does not know"
    fi`;
  const lines = run(
    'bash',
    ['-c', script, 'bash', ...command, path.join(here, 'demo', 'daemon.mjs')],
    folder,
  );
  rmSync(folder, { recursive: true });
  return lines;
}

function run(file, args, cwd = process.cwd()) {
  const stdio = ['ignore', 'pipe', 'inherit'];
  return execFileSync(file, args, { cwd, encoding: 'utf8', stdio }).trimEnd().split('\n');
}

function show(title, what, before, after) {
  const width = 44;
  console.log(`${title}\n`);
  console.log(`  ${`node app.js`.padEnd(width)}  with closefds`);
  console.log(`  ${'-'.repeat(width)}  ${'-'.repeat(width)}`);
  for (let i = 0; i < Math.max(before.length, after.length); i++) {
    console.log(`  ${(before[i] ?? '').padEnd(width)}  ${after[i] ?? ''}`.trimEnd());
  }
  console.log(`  (${what})\n`);
}
