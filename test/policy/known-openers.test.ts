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

for (const [name, file, loaded, opener] of [
  ['the package that is loaded', log, { leveldown: ['6.1.1'] }, 'leveldown@6.1.1'],
  ['nobody, if it is not', log, {}, undefined],
  ['nobody, if only others are', log, { lmdb: ['3.5.6'] }, undefined],
  ['the most specific first', log, { spdlog: ['1.0.0'], leveldown: ['6.1.1'] }, 'leveldown@6.1.1'],
  ['the least specific last', log, { spdlog: ['1.0.0'] }, 'spdlog@1.0.0'],
  ['not before the range', log, { leveldown: ['0.9.0'] }, undefined],
  ['the copy in the range', log, { leveldown: ['0.9.0', '2.0.0'] }, 'leveldown@2.0.0'],
  ['another access', { ...log, access: 'read' }, { leveldown: ['6.1.1'] }, undefined],
  ['another type', { ...log, type: 'pipe' }, { leveldown: ['6.1.1'] }, undefined],
  ['a target nobody knows', { ...log, target: undefined }, { spdlog: ['1.0.0'] }, undefined],
  [
    'of two alike, the one that is loaded',
    { ...log, target: 'socket:[77]', type: 'socket', access: 'both' },
    { '@roamhq/wrtc': ['1.0.0'] },
    '@roamhq/wrtc@1.0.0',
  ],
] as ReadonlyArray<readonly [string, OpenFile, Readonly<Record<string, string[]>>, string | undefined]>) {
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
