// The packages that are run for real, one line each; scripts/verify/packages.mjs runs them.
//
//   installs  the package first, then what it needs; exact versions
//   node      the oldest major it runs on, if that is newer than ours
//   needs     a program of this machine
//   prints    what the program writes when everything it needs arrives
//   denied    without the compat table it is stopped: who is named ('.' is the app), for which kind, at which
//             FDs, through which launcher, called by whom; with `via`, by a rule for the app. A message channel is allowed by default, so a rule denies it there.
//   leaks     what a child inherits without closefds, opened by the first that is installed
//   audited   what `closefds audit` finds, one for each FD; a case with nothing else is there for that

const LEVEL = ['000003.log', 'LOCK', 'LOG', 'MANIFEST-000002'];

export const CASES = [
  {
    program: 'puppeteer-core',
    installs: { 'puppeteer-core': '25.16.0', '@puppeteer/browsers': '3.2.6' },
    node: 22,
    needs: 'chromium',
    prints: 'hello',
    denied: { caller: '@puppeteer/browsers', kind: 'pipe', fds: [3, 4] },
    audited: ['pipe 3 used by chromium', 'pipe 4 used by chromium'],
  },
  {
    program: 'playwright-core',
    installs: { 'playwright-core': '1.65.1' },
    node: 20,
    needs: 'chromium',
    prints: 'hello',
    denied: { caller: 'playwright-core', kind: 'pipe', fds: [3, 4] },
  },
  {
    program: 'ffmpeg-stream',
    installs: { 'ffmpeg-stream': '1.0.1' },
    prints: 'hello',
    denied: { caller: 'ffmpeg-stream', kind: 'pipe', fds: [3, 4] },
  },
  {
    program: 'ffmpeg',
    installs: { 'ffmpeg-stream': '1.0.1' },
    needs: 'ffmpeg',
    audited: ['pipe 3 used by ffmpeg', 'pipe 4 used by ffmpeg'],
  },
  {
    program: 'mocha',
    installs: { mocha: '12.0.3' },
    node: 22,
    prints: '1 passing',
    denied: { caller: 'mocha', kind: 'fd', fds: [3] },
  },
  {
    program: 'tsx',
    installs: { tsx: '4.23.15' },
    prints: 'hello',
    denied: { caller: 'tsx', kind: 'ipc', fds: [3] },
    audited: ['ipc 3 used by node', 'ipc 3 used by node'],
  },
  {
    program: 'concurrently',
    installs: { concurrently: '10.0.7' },
    node: 22,
    prints: 'hello',
    denied: { caller: 'concurrently', kind: 'ipc', fds: [3] },
  },
  {
    program: 'forever-monitor',
    installs: { 'forever-monitor': '3.0.3' },
    prints: 'hello',
    denied: { caller: 'forever-monitor', kind: 'ipc', fds: [3] },
  },
  {
    program: 'nodemon',
    installs: { nodemon: '3.1.14' },
    prints: 'hello',
    denied: { caller: 'nodemon', kind: 'ipc', fds: [3] },
  },
  {
    program: 'jest-worker',
    installs: { 'jest-worker': '30.5.1' },
    prints: '42',
    denied: { caller: 'jest-worker', kind: 'ipc', fds: [3] },
  },
  {
    program: 'execa',
    installs: { execa: '10.2.1' },
    node: 22,
    prints: 'run hello',
    denied: { caller: '.', kind: 'ipc', fds: [3], through: 'execa' },
  },
  {
    program: 'cross-spawn',
    installs: { 'cross-spawn': '7.0.6' },
    prints: 'hello',
    denied: { caller: '.', kind: 'ipc', fds: [3], through: 'cross-spawn' },
  },
  {
    program: 'foreground-child',
    installs: { 'foreground-child': '4.0.3' },
    prints: 'hello',
    denied: {
      caller: '.',
      callSite: 'foreground-child-inner.mjs',
      kind: 'ipc',
      fds: [3],
      through: 'foreground-child',
    },
  },
  {
    program: 'sinon',
    installs: { sinon: '22.1.0' },
    prints: 'hello',
    denied: { caller: '.', kind: 'ipc', fds: [3], through: 'sinon' },
  },
  {
    program: 'jest',
    installs: { jest: '30.5.2' },
    prints: 'hello',
    denied: { caller: '.', kind: 'ipc', fds: [3], through: 'jest-mock' },
  },
  {
    program: 'vitest',
    installs: { vitest: '4.1.12' },
    node: 20,
    prints: 'hello',
    denied: { caller: '.', kind: 'ipc', fds: [3], through: '@vitest/spy' },
  },
  {
    program: 'tinyspawn',
    installs: { tinyspawn: '1.5.10' },
    prints: 'hello',
    denied: { caller: '.', kind: 'ipc', fds: [3], through: 'tinyspawn' },
  },
  {
    program: 'tsx-source',
    installs: { tsx: '4.23.15' },
    prints: 'hello',
    denied: { caller: '.', kind: 'ipc', fds: [3] },
  },
  {
    program: 'esbuild',
    installs: { esbuild: '0.28.2' },
    prints: 'const text = "hello";\nconsole.log(text);',
  },
  { program: 'webpack', installs: { webpack: '5.113.0' }, prints: '[0,1,2] [0,1,2] refused' },
  { program: 'ncc', installs: { '@vercel/ncc': '0.45.0' }, prints: '[0,1,2] [0,1,2] refused' },
  {
    program: 'rollup',
    installs: {
      rollup: '4.68.8',
      '@rollup/plugin-commonjs': '29.0.3',
      '@rollup/plugin-json': '6.1.0',
      '@rollup/plugin-node-resolve': '16.0.3',
    },
    prints: '[0,1,2] [0,1,2] refused',
  },
  {
    program: 'pm2',
    installs: { pm2: '7.0.4' },
    prints: [
      'fork env: warn [0,1,2,200] true',
      'reported',
      'cluster env: warn [0,1,2,200] true',
      'reported',
      'fork config: warn [0,1,2,200] true',
      'cluster config: warn [0,1,2,200] true',
    ].join('\n'),
  },
  {
    program: 'runners',
    installs: {
      turbo: '2.11.11',
      nx: '24.0.6',
      forever: '4.0.3',
      supervisor: '0.12.0',
      'ts-node': '10.9.2',
      typescript: '5.9.3',
    },
    prints: ['tsx', 'ts-node', 'jest', 'vitest', 'nx', 'turbo', 'forever', 'supervisor']
      .map(name => `${name}: [0,1,2,3]`)
      .join('\n'),
  },
  { program: 'npm', installs: { npm: '12.2.0' }, node: 24, prints: 'hello' },
  { program: 'classic-level', installs: { 'classic-level': '3.0.0' }, leaks: LEVEL },
  {
    program: 'classic-level-git',
    installs: { 'classic-level': '3.0.0' },
    needs: 'git',
    audited: ['git', 'ls'].flatMap(name => LEVEL.map(file => `${file} never touched by ${name}`)),
  },
  { program: 'leveldown', installs: { leveldown: '6.1.1' }, leaks: LEVEL },
  { program: 'lmdb', installs: { lmdb: '3.5.6' }, leaks: ['data.mdb'] },
  { program: 'node-pty', installs: { '@lydell/node-pty': '1.1.0' }, leaks: ['ptmx'] },
  { program: 'node-unix-socket', installs: { 'node-unix-socket': '0.2.7' }, leaks: ['socket:'] },
];
