// Builds and runs the program of docs/getting-started.md: by its recipe, and with closefds in the bundle. Prints what
// the child of each has, and how the second one ends where closefds is not installed.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(path.dirname(process.env.LIST_FDS), '..');
const page = readFileSync(path.join(root, 'docs', 'getting-started.md'), 'utf8');

/** A folder `app` with the program and closefds, and the folder that it is to be bundled into. */
export function writeApp() {
  mkdirSync('app/node_modules', { recursive: true });
  symlinkSync(root, 'app/node_modules/closefds');
  writeFileSync('app/package.json', '{"name": "app"}');
  writeFileSync(
    'app/app.js',
    `require('closefds/register');
     const { stdout } = require('child_process').spawnSync(process.env.LIST_FDS, ['1', '1000']);
     console.log(String(stdout).trim());`,
  );
}

/** The text of the block below a heading. */
export function recipe(heading) {
  return new RegExp(`^### ${heading}\\n[^]*?^\`\`\`\\w+\\n([^]*?)^\`\`\``, 'm').exec(page)[1];
}

/** Without the preload of this process. FD 200 is a stray. */
function start(file, cwd) {
  const { NODE_OPTIONS, ...env } = { ...process.env, CLOSEFDS_MODE: 'enforce', CLOSEFDS_CONFIG: '' };
  writeFileSync('held', '');
  const shell = ['-c', 'exec 200<>"$0"; exec "$@"', path.resolve('held'), process.execPath, file];
  const { stdout, stderr } = spawnSync('bash', shell, { cwd, env, encoding: 'utf8' });
  const refused = /run "npm install closefds".*\(esbuild --external:closefds\)/.test(stderr);
  return stdout.trim() || (refused ? 'refused' : stderr);
}

/** `external` and `inlined` are files in app/dist. */
export function tell(external, inlined) {
  const isLeftOut = !readFileSync(path.join('app/dist', external), 'utf8').includes('closefds.installed');
  cpSync('app/dist', 'elsewhere', { recursive: true });
  const results = [
    start(`dist/${external}`, 'app'),
    start(`dist/${inlined}`, 'app'),
    start(inlined, 'elsewhere'),
  ];
  console.log(isLeftOut ? results.join(' ') : `closefds is in the bundle of the recipe`);
}
