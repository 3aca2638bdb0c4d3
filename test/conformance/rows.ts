// The conformance list as programs. What each asserts, in words, is in rows.json.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fixture } from '../support/programs';
import { LEAK, LIST_FDS, ROOT, run, tool } from '../support/run';
import { answerOf, child, numbers, type ProgramOptions, type Row, type Subject } from './row';
import { CONFORMANCE_WAYS, type ConformanceWay } from './ways';

const allow = (rule: object): object => ({ caller: '.', effect: 'allow', reason: 'test', ...rule });
const ALLOW_DESIGNATED = [allow({ kinds: ['fd', 'pipe'] })];

/** A row that is one program. */
function row(
  id: string,
  program: string,
  expected: Row['expected'],
  { exempt, ...options }: ProgramOptions & Pick<Row, 'exempt'> = {},
): Row {
  const observe = (subject: Subject) => answerOf(subject, program, options);
  return { id, observe, expected, ...(exempt && { exempt }) };
}

const RACES = ({ forks }: ConformanceWay): string | undefined =>
  forks
    ? undefined
    : 'what is opened after the parent was marked, or looked at, may pass; npm run verify:race measures it';

// ---------------------------------------------------------------------------------------------
// CPython's
// ---------------------------------------------------------------------------------------------

const ELEVEN = numbers(60, 11);
const OPEN_ELEVEN = 'for (const fd of numbers(60, 11)) leak.open(file, fd);';
const ORDERS = ['0,1,2', '0,2,1', '1,0,2', '1,2,0', '2,0,1', '2,1,0', '0,1,1'];
const CLOSINGS = ['', '0<&-', '1>&-', '2>&-', '0<&- 1>&-', '0<&- 2>&-', '1>&- 2>&-', '0<&- 1>&- 2>&-'];

const FROM_CPYTHON: readonly Row[] = [
  row('C1', `${OPEN_ELEVEN} answer(listed());`, () => [0, 1, 2, ...ELEVEN], {
    env: { CLOSEFDS_MODE: 'off' },
  }),

  row('C2', `${OPEN_ELEVEN} answer(listed());`, way => child(way, [], ELEVEN)),

  row('C3', `${OPEN_ELEVEN} answer(listed());`, way => child(way, numbers(60, 8), [68, 69, 70]), {
    rules: [allow({ kinds: ['stray'], fds: numbers(60, 8) })],
  }),

  row(
    'C4',
    `
      for (let i = 0; i < 40; i++) leak.open(file, 100 + 97 * i);
      for (let fd = 100; fd < 2000; fd++) leak.close(fd);
      leak.limit(60);
      answer(listed());`,
    way => child(way, []),
    {
      exempt: ({ masks }) =>
        masks ? 'nothing can be put above the limit, so the spawn fails: no stray passes' : undefined,
    },
  ),

  row(
    'C5',
    `
      for (const fd of numbers(60, 10)) leak.pipe(fd);
      answer(numbers(60, 10).map(fd => listed({ stdio: ['ignore', 'pipe', 'inherit', fd] })));`,
    way => numbers(60, 10).map(() => child(way, [3], numbers(60, 10))),
    { rules: ALLOW_DESIGNATED },
  ),

  row(
    'C7',
    `
      const open = leak.open(file, 40), marked = leak.open(file, 50);
      leak.mark(marked, true);
      const flags = () => [leak.flags(open), leak.flags(marked)];
      const stdio = ['ignore', 'pipe', 'inherit', open, marked];
      const before = flags();
      // The first spawn does not know yet how processes are made; the second does.
      answer([before, listed({ stdio }), flags(), listed({ stdio }), flags()]);`,
    way => {
      const fds = child(way, [3, 4], [40]);
      return [[0, 1], fds, [0, 1], fds, [0, 1]];
    },
    { rules: ALLOW_DESIGNATED },
  ),

  row(
    'C8',
    `
      const a = fs.openSync(file + '.a', 'w+'), b = fs.openSync(file + '.b', 'w+');
      childProcess.spawnSync(LIST, [], { stdio: [a, b, 'inherit', a, b] });
      answer(JSON.parse(fs.readFileSync(file + '.b')));`,
    way => child(way, [3, 4]),
    { rules: ALLOW_DESIGNATED },
  ),

  {
    id: 'C9',
    observe: async ({ node, way }) => {
      const race = path.join(ROOT, 'test', 'fixtures', 'race.js');
      const { stdout } = await run(race, {
        node,
        nodeArgs: ['--require', way.register()],
        through: way.through,
        args: ['150', '2', LEAK, LIST_FDS],
        env: { NODE_NO_WARNINGS: '1' },
      });
      const { spawns, leaked } = JSON.parse(stdout);
      return { spawns, leaked };
    },
    expected: () => ({ spawns: 150, leaked: 0 }),
    exempt: RACES,
  },

  {
    id: 'C10',
    observe: subject =>
      Promise.all(
        CLOSINGS.map(closing =>
          answerOf(
            subject,
            `
              leak.open(file, 40);
              const { stdout } = childProcess.spawnSync('sh', ['-c', LIST + '; echo err >&2'], { stdio: 'pipe' });
              const { stderr } = childProcess.spawnSync('sh', ['-c', LIST + ' >&2'], { stdio: 'pipe' });
              fs.writeFileSync(file + '.answer', JSON.stringify([JSON.parse(stdout), JSON.parse(stderr)]));`,
            { through: ['bash', '-c', `"$@" ${closing}; cat "\${!#}.answer"`, 'sh'] },
          ),
        ),
      ),
    expected: way => CLOSINGS.map(() => [child(way, [], [40]), child(way, [], [40])]),
  },

  row(
    'C12-C16',
    fixture('conformance/C12-stdio-permutations.js'),
    way => {
      const said = ['0\n', `${JSON.stringify(child(way, []))}\n`, '2\n'];
      return Object.fromEntries(
        ORDERS.map(order => {
          const files = ['', '', ''];
          order.split(',').forEach((to, fd) => {
            files[Number(to)] += said[fd] ?? '';
          });
          return [order, files];
        }),
      );
    },
    { env: { ORDERS: JSON.stringify(ORDERS) } },
  ),

  row(
    'C17',
    `
      const first = childProcess.spawn('cat'), second = childProcess.spawn('cat');
      const fds = listed();
      first.kill(), second.kill();
      answer(fds);`,
    way => child(way, []),
  ),

  row(
    'C18',
    `
      const first = childProcess.spawn('cat'), second = childProcess.spawn('cat');
      first.stdin.end('said');
      let said = '';
      first.stdout.on('data', text => { said += text; });
      first.on('close', code => { second.kill(); answer([said, code]); });`,
    () => ['said', 0],
  ),

  {
    id: 'C19',
    observe: async subject => {
      const lists = [[-1], [1.5], [2 ** 31], [3, 3], ['3'], [null], 3];
      const configs = await Promise.all(
        lists.map(fds =>
          answerOf(subject, 'answer("started");', { rules: [allow({ kinds: ['fd'], fds })] }).catch(
            (error: Error) => /closefds\.json#\/rules\/0\/fds/.test(error.message),
          ),
        ),
      );
      const designations = await answerOf(
        subject,
        `
          const { withFds } = require(${JSON.stringify(path.join(ROOT, 'dist', 'src', 'index.js'))});
          const fd = fs.openSync(file, 'w');
          const lying = new Proxy({}, { ownKeys: () => ['3'], getOwnPropertyDescriptor: () => ({
            value: -1, enumerable: true, configurable: true }), get: () => -1 });
          const codes = [{ '-1': fd }, { 2.5: fd }, { 2: fd }, { 4294967296: fd }, { 3: -1 }, { 3: 1.5 },
            { 3: NaN }, { 3: {} }, { x: fd }, null, lying].map(fds => {
            try { childProcess.spawnSync('touch', [file + '.started'], withFds({}, fds)); return 'started'; }
            catch ({ code }) { return code; }
          });
          answer([[...new Set(codes)], fs.existsSync(file + '.started')]);`,
      );
      return { configs: [...new Set(configs)], designations };
    },
    expected: () => ({ configs: [true], designations: [['ERR_CLOSEFDS_ARGUMENT'], false] }),
  },

  row(
    'C20',
    `
      const codes = new Set();
      childProcess.spawnSync('/nothing/there');
      const before = table();
      for (let i = 0; i < 1024; i++) codes.add(childProcess.spawnSync('/nothing/there').error.code);
      answer([[...codes], JSON.stringify(table()) === JSON.stringify(before)]);`,
    () => [['ENOENT'], true],
  ),

  row(
    'C21',
    `
      const held = numbers(100, 20).map(fd => leak.open(file + fd, fd));
      const identity = () => held.map(fd => fs.fstatSync(fd).ino).join();
      const before = identity();
      leak.openers(2);
      const failed = new Set();
      for (let i = 0; i < 200; i++) {
        // libuv loses the error if it has to put something over its own pipe for that.
        const { error, status } = childProcess.spawnSync('/nothing/there');
        failed.add(error?.code === 'ENOENT' || status === 127);
      }
      leak.join();
      answer([[...failed], identity() === before]);`,
    () => [[true], true],
  ),

  row('C22', fixture('conformance/C22-opener-threads.js'), () => [true], { rules: ALLOW_DESIGNATED }),

  row(
    'C23',
    `
      const fail = () => new Promise(resolve => childProcess.spawn('/nothing/there').on('error', resolve));
      (async () => {
        await fail();
        await new Promise(setImmediate);
        const before = table();
        for (let i = 0; i < 200; i++) await fail();
        await new Promise(resolve => setTimeout(resolve, 50));
        answer(JSON.stringify(table()) === JSON.stringify(before));
      })();`,
    () => true,
  ),

  row(
    'C24',
    `
      leak.open(file, 40);
      const spawn = () => new Promise(resolve => childProcess.spawn('true').on('close', resolve));
      (async () => {
        await spawn();
        listed();
        const before = table();
        for (let i = 0; i < 50; i++) { await spawn(); childProcess.spawnSync('true'); }
        answer(JSON.stringify(table()) === JSON.stringify(before));
      })();`,
    () => true,
  ),

  {
    id: 'C25',
    observe: async () => {
      const listed: readonly { readonly id: string }[] = JSON.parse(
        readFileSync(path.join(ROOT, 'test', 'conformance', 'rows.json'), 'utf8'),
      );
      return listed.map(({ id }) => id);
    },
    expected: () => ROWS.map(({ id }) => id),
  },
];

// ---------------------------------------------------------------------------------------------
// Others'
// ---------------------------------------------------------------------------------------------

const HALF = numbers(1000, 5000).filter(fd => (fd * 7919) % 10_007 < 5003);

const OPEN_5000 = `
  const keeps = new Set(JSON.parse(fs.readFileSync(file + '.keeps')));
  fs.mkdirSync(file);
  for (const fd of numbers(1000, 5000)) leak.open(file + (keeps.has(fd) ? '/keep' : '/drop'), fd);
  const large = () => {
    const out = fs.openSync(file + '.out', 'w+');
    childProcess.spawnSync(${JSON.stringify(LIST_FDS)}, [], { stdio: ['ignore', out, 'inherit'] });
    fs.closeSync(out);
    return JSON.parse(fs.readFileSync(file + '.out'));
  };
  answer([large(), large()]);`;

const fiveThousand = (subject: Subject, keeps: readonly number[]) =>
  answerOf(subject, OPEN_5000, {
    rules: [allow({ kinds: ['stray'], target: '**/keep' })],
    files: { 'file.keeps': JSON.stringify(keeps) },
  });

const FROM_OTHERS: readonly Row[] = [
  {
    id: 'N1',
    observe: async subject => [await fiveThousand(subject, HALF), await fiveThousand(subject, [])],
    expected: () => [
      [
        [0, 1, 2, ...HALF],
        [0, 1, 2, ...HALF],
      ],
      [
        [0, 1, 2],
        [0, 1, 2],
      ],
    ],
    exempt: ({ masks }) =>
      masks
        ? 'a mask has the number of what it covers, so that numbers tell nothing; N12 tells them apart'
        : undefined,
  },

  {
    id: 'N2',
    observe: subject =>
      Promise.all(
        ['ENOSYS', 'EINVAL'].map(error =>
          answerOf(subject, 'leak.open(file, 40); answer(listed());', {
            through: [tool('deny'), `close_range=${error}`],
          }),
        ),
      ),
    expected: way => [child(way, [], [40]), child(way, [], [40])],
  },

  row(
    'N3',
    `
      leak.open(file, 40);
      const { exec, execFile, execFileSync, execSync, fork, spawn, spawnSync } = childProcess;
      const text = start => new Promise(resolve => start((error, stdout) => resolve(JSON.parse(stdout))));
      const stdio = ['ignore', 'pipe', 'inherit'];
      const read = started => text(done => started.stdout.on('data', data => done(null, data)));
      (async () => answer([
        await read(spawn(LIST)), await read(spawn(LIST, { shell: true })), await text(done => exec(LIST, done)),
        await text(done => execFile(LIST, done)), JSON.parse(spawnSync(LIST).stdout), JSON.parse(execSync(LIST)),
        JSON.parse(execFileSync(LIST)),
        await read(fork('none', { execPath: LIST, execArgv: [], stdio: [...stdio, 'ipc'] })),
      ]))();`,
    way => [...Array(7).fill(child(way, [], [40])), child(way, [3], [40])],
  ),

  row(
    'N4',
    `
      const spawn = () => new Promise(resolve => childProcess.spawn('true').on('close', resolve));
      (async () => {
        leak.watchers(1);
        for (let i = 0; i < 50; i++) { await spawn(); childProcess.spawnSync('true'); }
        const rounds = leak.join();
        answer([rounds > 10, leak.seen()]);
      })();`,
    () => [true, 0],
  ),

  row(
    'N5',
    `
      const { once } = require('node:events');
      (async () => {
        const codes = new Set();
        for (let round = 0; round < 20; round++) {
          leak.forkers(2, 125);
          const children = Array.from({ length: 10 }, () => childProcess.spawn('true'));
          const closed = await Promise.all(children.map(child => once(child, 'close')));
          for (const [code] of closed) codes.add(code);
          if (leak.join() !== 250) codes.add('forks');
        }
        answer([...codes]);
      })();`,
    () => [0],
  ),

  row(
    'N6',
    fixture('conformance/N6-sockets.js'),
    way => ['secret', 'hello', child(way, [3], [60]), child(way, [], [60])],
    { rules: ALLOW_DESIGNATED },
  ),

  row(
    'N7',
    `
      const opened = fs.openSync(file, 'w');
      answer(numbers(3, 25).map(to => {
        const stdio = ['ignore', 'pipe', 'inherit', ...numbers(3, to - 3).map(() => 'ignore'), opened];
        return listed({ stdio });
      }));`,
    way => numbers(3, 25).map(to => child(way, [to])),
    { rules: ALLOW_DESIGNATED },
  ),

  row('N8', fixture('conformance/N8-two-servers.js'), () => [false, true, true], { rules: ALLOW_DESIGNATED }),

  row(
    'N9',
    `const before = listed(); for (const fd of [50, 51, 52]) leak.open(file, fd); answer([before, listed()]);`,
    way => [child(way, []), child(way, [], [50, 51, 52])],
  ),

  row(
    'N10',
    `
      const unrelated = fs.openSync(file, 'w');
      childProcess.spawnSync(LIST, [], { stdio: ['ignore', 'inherit', 'inherit', unrelated] });`,
    way => child(way, [3]),
    { rules: ALLOW_DESIGNATED },
  ),

  row(
    'N11',
    `
      fs.writeFileSync(file + 'a', 'a'), fs.writeFileSync(file + 'b', 'b');
      leak.open(file + 'a', 40), leak.open(file + 'b', 41);
      const stdio = ['ignore', 'pipe', 'inherit', ...numbers(3, 37).map(() => 'ignore'), 41, 40];
      const read = fd => String(childProcess.execFileSync('cat', ['/proc/self/fd/' + fd], { stdio }));
      answer([read(40), read(41), listed({ stdio }), leak.flags(40), leak.flags(41)]);`,
    way => ['b', 'a', child(way, [40, 41]), 0, 0],
    { rules: ALLOW_DESIGNATED },
  ),

  row(
    'N12',
    `
      for (const fd of [40, 41, 42, 43]) leak.open(file, fd);
      const opened = fs.openSync(file, 'w');
      answer(listed({ stdio: ['ignore', 'pipe', 'inherit', opened, 'pipe', 'ignore', opened] }));`,
    way => child(way, [3, 4, 6, 42], [40, 41, 43]),
    { rules: [...ALLOW_DESIGNATED, allow({ kinds: ['stray'], fds: [42] })] },
  ),

  row(
    'N13',
    `childProcess.spawnSync('true'); answer([strayGuard.way(), strayGuard.spawning()]);`,
    way => way.mechanism,
  ),

  row(
    'N15',
    fixture('conformance/N15-stdio-and-one-more.js'),
    way => {
      const list = `${JSON.stringify(child(way, [3]))}\n`;
      return [
        ['0\n', `${list}2\n`, '', '3\n'],
        ['2\n', list, '0\n', '3\n3\n'],
      ];
    },
    { rules: ALLOW_DESIGNATED },
  ),

  row(
    'N16',
    `
      leak.open(file, 40);
      const stdio = ['ignore', 'pipe', 'inherit', ...numbers(3, 36).map(() => 'ignore'), 'pipe', 'ignore', 'pipe'];
      answer(listed({ stdio }));`,
    way => child(way, [39, 41], [40]),
    { rules: ALLOW_DESIGNATED },
  ),

  row(
    'N17',
    `
      const sentinel = leak.open(file, 300);
      fs.writeFileSync(file, 'sentinel');
      const ino = fs.fstatSync(sentinel).ino;
      const wrong = new Set();
      const spawn = () => new Promise(resolve => childProcess.spawn('true').on('close', resolve));
      (async () => {
        for (let i = 0; i < 30; i++) {
          await Promise.all(numbers(0, 10).map(spawn));
          gc();
          if (fs.fstatSync(sentinel).ino !== ino || String(fs.readFileSync('/proc/self/fd/300')) !== 'sentinel') wrong.add(i);
        }
        answer([...wrong]);
      })();`,
    () => [],
    { nodeArgs: ['--expose-gc'] },
  ),
];

// ---------------------------------------------------------------------------------------------
// Our own
// ---------------------------------------------------------------------------------------------

const OF_OUR_OWN: readonly Row[] = [
  row(
    'P1',
    `
      leak.open(file, 40);
      leak.open(file, 41);
      const stdio = ['ignore', 'pipe', 'inherit', 'pipe', 'ignore', fs.openSync(__filename)];
      answer([
        listed({ stdio }),
        JSON.parse(childProcess.execFileSync(LIST, ['--log-fd', '40'], { stdio })),
      ]);`,
    way => [child(way, [], [40, 41], [3, 5]), child(way, [], [41], [3, 5, 40])],
  ),
  row(
    'G2',
    fixture('conformance/G2-swapped-stray.js'),
    way => [child(way, [40]), child(way, []), child(way, [40]), child(way, [])],
    { rules: [allow({ kinds: ['stray'], fds: [40] })] },
  ),
];

export const ROWS: readonly Row[] = [...FROM_CPYTHON, ...FROM_OTHERS, ...OF_OUR_OWN];

/** Where a row is run: everywhere, unless it says why not. */
export function waysOf({ exempt }: Row): readonly ConformanceWay[] {
  return CONFORMANCE_WAYS.filter(way => exempt?.(way) === undefined);
}
