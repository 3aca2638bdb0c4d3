// An app under pm2, whose files are not in the app's folder, as when it is installed globally. Prints for each of
// its processes the mode in force and what the child of it has.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const register = path.resolve(path.dirname(process.env.LIST_FDS), '..', 'dist', 'register', 'index.js');
const home = path.join(process.env.TMPDIR, 'pm2');

const MODES = { fork: { exec_mode: 'fork' }, cluster: { exec_mode: 'cluster', instances: 1 } };
const SETTINGS = { env: { CLOSEFDS_MODE: 'warn', CLOSEFDS_REPORT: 'findings.ndjson' }, config: {} };

const apps = Object.keys(SETTINGS).flatMap(from =>
  Object.keys(MODES).map(mode => ({
    from,
    mode,
    name: `${mode} ${from}`,
    folder: path.resolve(`${mode}-${from}`),
  })),
);
for (const { from, folder } of apps) {
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'package.json'), '{"name": "app"}');
  if (from === 'config') writeFileSync(path.join(folder, 'closefds.json'), '{"mode": "warn"}');
  writeFileSync(
    path.join(folder, 'app.js'),
    `const { stdout } = require('child_process').spawnSync(process.env.LIST_FDS, ['1', '1000']);
     const { settings } = globalThis[Symbol.for('closefds.installed')];
     console.log([settings.mode, String(stdout).trim(), settings.script === __filename].join(' '));
     setInterval(() => {}, 1000);`,
  );
}
const declared = apps.map(({ from, mode, name, folder }) => ({
  name,
  script: 'app.js',
  cwd: folder,
  out_file: path.join(folder, 'out.log'),
  merge_logs: true,
  node_args: `--require ${register}`,
  env: SETTINGS[from],
  ...MODES[mode],
}));
writeFileSync('ecosystem.config.cjs', `module.exports = ${JSON.stringify({ apps: declared })};`);

const { NODE_OPTIONS, CLOSEFDS_MODE, CLOSEFDS_CONFIG, ...env } = { ...process.env, PM2_HOME: home };
const bin = createRequire(import.meta.url).resolve('pm2/bin/pm2');
/** From a shell that holds an FD, which the daemon and its processes have. */
const pm2 = (...args) =>
  spawnSync(
    'bash',
    ['-c', 'exec 200<>"$0"; exec "$@"', path.resolve('held'), process.execPath, bin, ...args],
    {
      env,
      encoding: 'utf8',
    },
  );

try {
  const { status, stdout, stderr } = pm2('start', 'ecosystem.config.cjs');
  if (status !== 0) throw new Error(stdout + stderr);
  for (const { name, folder } of apps) {
    console.log(`${name}: ${await firstLine(path.join(folder, 'out.log'))}`);
    if (name.endsWith('env'))
      console.log(existsSync(path.join(folder, 'findings.ndjson')) ? 'reported' : 'not reported');
  }
} finally {
  pm2('kill');
}

async function firstLine(file) {
  for (let tries = 0; tries < 300; tries++) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (text.includes('\n')) return text.split('\n')[0];
    await sleep(100);
  }
  return 'nothing was written';
}
