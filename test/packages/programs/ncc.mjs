import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { recipe, tell, writeApp } from './bundle.mjs';

writeApp();
const cli = createRequire(import.meta.url).resolve('@vercel/ncc/dist/ncc/cli.js');
const [, ...words] = recipe('ncc').trim().split(' ').slice(1);
const build = args =>
  execFileSync(process.execPath, [cli, ...args, '--quiet'], {
    cwd: 'app',
    stdio: ['ignore', 'ignore', 'inherit'],
  });
build(['build', 'app.js', '--out', 'dist/inlined']);
build(words);
tell('index.js', 'inlined/index.js');
