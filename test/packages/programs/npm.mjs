// A real install of a package that lies on this disk, and a script of the app, which npm starts.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const npm = path.join(
  path.dirname(createRequire(import.meta.url).resolve('npm/package.json')),
  'bin',
  'npm-cli.js',
);
mkdirSync('app/greeting', { recursive: true });
writeFileSync(
  'app/package.json',
  '{"name": "app", "scripts": {"greet": "node -p \\"require(\'greeting\')\\""}}',
);
writeFileSync('app/greeting/package.json', '{"name": "greeting", "version": "1.0.0"}');
writeFileSync('app/greeting/index.js', 'module.exports = "hello";');

const run = (...args) =>
  execFileSync(process.execPath, [npm, ...args, '--offline', '--no-audit', '--no-fund', '--silent'], {
    cwd: 'app',
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
run('install', './greeting', '--install-links');
console.log(run('run', 'greet').trim());
