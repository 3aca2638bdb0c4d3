// Holds compat/checked.json against the published packages: npm run compat:checked [-- --write] [NAME[@VERSION]...]
//
// The file records packages that were looked at and pass nothing of their own. One line a package:
//   ok               the search finds only places that a person has read and cleared
//   not cleared      the search finds places that are not cleared; they are listed
//   wrong tarball    the tarball is another one, or cannot be had
//   search changed   the counts are not those recorded; --write corrects them
//
// All but `ok` make the exit code 1. With --write, NAME@VERSION adds or renews a record; its
// places are added with an empty `why`, which a person fills in after reading them.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPassing, SEARCHED } from './find-passing.mjs';
import { createPublished, parsePackage, replaceFile } from './published.mjs';
import { readArguments } from './read-arguments.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const file = path.join(root, 'compat', 'checked.json');
const published = createPublished(path.join(root, '.cache'));
const { write, names: wanted } = readArguments('write');

const checked = JSON.parse(readFileSync(file, 'utf8'));
const records = new Map(checked.packages.map(record => [record.package, record]));
const names = wanted.length === 0 ? [...records.keys()] : wanted.map(chosen);
await published.fetch(names.map(name => ({ name, version: records.get(name).version })));

const lines = [];
for (const name of names) lines.push(...(await verify(records.get(name))));
for (const line of lines) console.log(line);
process.exitCode = lines.every(line => line.startsWith('ok: ')) ? 0 : 1;

if (write) {
  const packages = [...records.values()]
    .filter(({ integrity }) => integrity !== undefined)
    .sort((a, b) => (a.package < b.package ? -1 : 1));
  replaceFile(file, `${JSON.stringify({ ...checked, searched: SEARCHED, packages }, null, 2)}\n`);
}

/** A record's name; NAME@VERSION makes a new one. */
function chosen(argument) {
  const { name, version } = parsePackage(argument) ?? {};
  if (name === undefined) refuse(`expected NAME or NAME@1.2.3, found ${argument}`);
  const known = records.get(name);
  if (version === undefined && known === undefined) refuse(`${name}: no record, and no version given`);
  if (version !== undefined && version !== known?.version) {
    if (!write) refuse(`${argument}: not recorded; --write adds it`);
    records.set(name, { package: name, version, cleared: known?.cleared ?? [] });
  }
  return name;
}

function refuse(what) {
  console.error(`compat:checked: ${what}.`);
  process.exit(2);
}

async function verify(record) {
  const title = `${record.package}@${record.version}`;
  let tarball;
  try {
    tarball = await published.tarball(record.package, record.version);
  } catch (error) {
    return [`wrong tarball: ${title}: not to be had (${error.message})`];
  }
  if (write && record.integrity === undefined)
    Object.assign(record, { integrity: tarball.integrity, checked: new Date().toISOString().slice(0, 10) });
  if (record.integrity !== tarball.integrity)
    return [`wrong tarball: ${title}: the tarball is ${tarball.integrity}`];

  const { searched, starters, places } = findPassing(tarball.files);
  if (write) fill(record, searched, starters, places);
  const counts = record.files === searched.length && record.starters === starters.length;
  if (!counts || !isSame(record.cleared, places))
    if (places.every(place => clearing(record, place) !== undefined))
      return [`search changed: ${title}: ${searched.length} files, ${places.length} places`];
  const open = places.filter(place => !clearing(record, place)?.why);
  if (open.length === 0) return [`ok: ${title} (${searched.length} files, ${places.length} places cleared)`];
  return [
    `not cleared: ${title}`,
    ...open.map(({ file, line, sign, shows }) => `  ${file}:${line} ${sign}: ${shows}`),
  ];
}

/** Reasons stay with their text, wherever a new version moves it. */
function fill(record, searched, starters, places) {
  const { package: name, version, integrity, checked } = record;
  const cleared = places.map(({ file, line, shows }) => ({
    ...{ file, line, shows },
    why: clearing(record, { file, shows })?.why ?? '',
  }));
  const counts = { files: searched.length, starters: starters.length };
  Object.assign(record, { cleared });
  records.set(name, { package: name, version, integrity, checked, ...counts, cleared });
  Object.assign(record, counts);
}

function clearing({ cleared }, { file, shows }) {
  return cleared.find(place => place.file === file && place.shows === shows);
}

function isSame(cleared, places) {
  const keys = list => JSON.stringify(list.map(({ file, line, shows }) => [file, line, shows]));
  return keys(cleared) === keys(places);
}
