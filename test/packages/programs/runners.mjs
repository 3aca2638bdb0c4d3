// Tools that load or start an app's code, installed in the app's own folder, with the preload in NODE_OPTIONS and the
// mode in the app's closefds.json. Prints for each what the child of that code has: in `warn`, FD 3 too.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const register = path.resolve(path.dirname(process.env.LIST_FDS), '..', 'dist', 'register', 'index.js');
const modules = path.dirname(path.dirname(createRequire(import.meta.url).resolve('turbo/package.json')));
const app = path.resolve('app');
const said = path.join(app, 'said');

const CODE = `require('node:fs').writeFileSync(${JSON.stringify(said)}, String(require('node:child_process')
  .spawnSync(process.env.LIST_FDS, ['1', '100'], { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] }).stdout));`;
const FILES = {
  'package.json':
    '{"name": "app", "packageManager": "npm@10.0.0", "workspaces": ["part"], "scripts": {"say": "node say.js"}}',
  'package-lock.json':
    '{"name": "app", "lockfileVersion": 3, "packages": {"": {"name": "app", "workspaces": ["part"]}}}',
  'part/package.json': '{"name": "part", "version": "1.0.0", "scripts": {"say": "node ../say.js"}}',
  'closefds.json': '{"mode": "warn"}',
  'turbo.json':
    '{"tasks": {"say": {"cache": false, "passThroughEnv": ["NODE_OPTIONS", "CLOSEFDS_*", "LIST_FDS"]}}}',
  'nx.json': '{}',
  'tsconfig.json': '{"compilerOptions": {"module": "commonjs", "moduleResolution": "node10"}}',
  'say.js': CODE,
  'say.ts': `declare const require: any, process: any;\n${CODE}`,
  'say.spec.cjs': `test('says', () => { ${CODE} });`,
  'say.test.mjs': `import { createRequire } from 'node:module'; import { test } from 'vitest';
    test('says', () => { createRequire(import.meta.url)('./say.js'); });`,
};
const TOOLS = {
  tsx: ['tsx', 'say.ts'],
  'ts-node': ['ts-node', '--transpile-only', 'say.ts'],
  jest: ['jest', '--rootDir', '.', '--runTestsByPath', 'say.spec.cjs'],
  vitest: ['vitest', 'run', 'say.test.mjs'],
  nx: ['nx', 'run', 'part:say'],
  turbo: ['turbo', 'run', 'say'],
  forever: ['forever', '--max', '1', 'say.js'],
  supervisor: ['supervisor', '--no-restart-on', 'exit', 'say.js'],
};

mkdirSync(path.join(app, 'part'), { recursive: true });
// Links: the tools have to lie in the app's folder, which is where the config of their code is looked for.
execFileSync('cp', ['-al', modules, path.join(app, 'node_modules')]);
for (const [name, text] of Object.entries(FILES)) writeFileSync(path.join(app, name), text);

const { CLOSEFDS_MODE, CLOSEFDS_CONFIG, ...inherited } = process.env;
const env = {
  ...inherited,
  CI: '1',
  HOME: process.env.TMPDIR,
  NX_DAEMON: 'false',
  TURBO_TELEMETRY_DISABLED: '1',
  NODE_OPTIONS: CLOSEFDS_MODE === 'off' ? '' : `--require ${register}`,
};
for (const [name, [bin, ...args]] of Object.entries(TOOLS)) {
  rmSync(said, { force: true });
  const command = path.join(app, 'node_modules', '.bin', bin);
  const { stdout, stderr } = spawnSync(command, args, { cwd: app, env, encoding: 'utf8', timeout: 20_000 });
  console.log(`${name}: ${existsSync(said) ? readFileSync(said, 'utf8').trim() : `${stdout}${stderr}`}`);
}
