import test from 'ava';
import type { OpenFile } from '../../src/model/spawn-request';
import { findOpener, type KnownStray } from '../../src/policy/known-openers';

function entry(name: string, target: string, given: Partial<KnownStray> = {}): KnownStray {
  const source = `compat/packages/${name}.json`;
  return { package: name, range: '>=1.0.0', target, type: 'file', access: 'write', source, ...given };
}

const TABLE: readonly KnownStray[] = [
  entry('spdlog', '**'),
  entry('leveldown', '**/*.log'),
  entry('classic-level', '**/LOG'),
  entry('lmdb', '**/data.mdb', { access: 'both' }),
  entry('pcap', 'socket:*', { type: 'socket', access: 'both' }),
  entry('@roamhq/wrtc', 'socket:*', { type: 'socket', access: 'both' }),
];

const log: OpenFile = { target: '/data/0003.log', type: 'file', access: 'write', isNullDevice: false };

for (const { name, file, loaded, opener } of [
  {
    name: 'the package that is loaded',
    file: log,
    loaded: { leveldown: ['6.1.1'] },
    opener: 'leveldown@6.1.1',
  },
  { name: 'nobody, if it is not', file: log, loaded: {}, opener: undefined },
  { name: 'nobody, if only others are', file: log, loaded: { lmdb: ['3.5.6'] }, opener: undefined },
  {
    name: 'the most specific first',
    file: log,
    loaded: { spdlog: ['1.0.0'], leveldown: ['6.1.1'] },
    opener: 'leveldown@6.1.1',
  },
  { name: 'the least specific last', file: log, loaded: { spdlog: ['1.0.0'] }, opener: 'spdlog@1.0.0' },
  { name: 'not before the range', file: log, loaded: { leveldown: ['0.9.0'] }, opener: undefined },
  {
    name: 'the copy in the range',
    file: log,
    loaded: { leveldown: ['0.9.0', '2.0.0'] },
    opener: 'leveldown@2.0.0',
  },
  {
    name: 'another access',
    file: { ...log, access: 'read' },
    loaded: { leveldown: ['6.1.1'] },
    opener: undefined,
  },
  {
    name: 'another type',
    file: { ...log, type: 'pipe' },
    loaded: { leveldown: ['6.1.1'] },
    opener: undefined,
  },
  {
    name: 'a target nobody knows',
    file: { ...log, target: undefined },
    loaded: { spdlog: ['1.0.0'] },
    opener: undefined,
  },
  {
    name: 'of two alike, the one that is loaded',
    file: { ...log, target: 'socket:[77]', type: 'socket', access: 'both' },
    loaded: { '@roamhq/wrtc': ['1.0.0'] },
    opener: '@roamhq/wrtc@1.0.0',
  },
] as ReadonlyArray<{
  readonly name: string;
  readonly file: OpenFile;
  readonly loaded: Readonly<Record<string, string[]>>;
  readonly opener: string | undefined;
}>) {
  test(`the likely opener is known: ${name}`, t => {
    const found = findOpener(file, TABLE, name => loaded[name] ?? []);
    t.is(found && `${found.package}@${found.version}`, opener);
  });
}

test('the loaded packages are searched only if an entry fits', t => {
  const asked: string[] = [];
  findOpener(log, TABLE, name => {
    asked.push(name);
    return [];
  });
  t.deepEqual(asked, ['leveldown', 'spdlog']);
});
