// Begins an entry of the compat table: npm run compat:new NAME[@VERSION]
//
// Fetches the published package and writes compat/packages/NAME.json with a row of evidence for
// each place where the search of find-passing.mjs sees FDs passed. What the places are for, since
// when, and what breaks without them is left empty, and the table's test fails until a person has
// written it down. Writes over nothing.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPassing } from './find-passing.mjs';
import { createPublished } from './published.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const [, name, given] = /^((?:@[^@/]+\/)?[^@/]+)(?:@(.+))?$/.exec(process.argv[2] ?? '') ?? [];
if (name === undefined) fail(`expected NAME or NAME@VERSION, found ${process.argv[2] ?? 'nothing'}`, 2);

const file = path.join(root, 'compat', 'packages', `${name}.json`);
if (existsSync(file)) fail(`${path.relative(root, file)} is there already; add to it by hand`, 1);

const published = createPublished(path.join(root, '.cache'));
const { integrity, files, version } = await newest();
const { places, starters } = findPassing(files);
if (places.length === 0) {
  const reason = starters.length === 0 ? 'starts no process by itself' : 'is seen to pass nothing';
  const command = `npm run compat:checked -- --write ${name}@${version}`;
  fail(`${name}@${version} ${reason}, so there is nothing to begin with. To record that: ${command}`, 1);
}

mkdirSync(path.dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(draft(), null, 2)}\n`);
console.log(`${path.relative(root, file)}: ${places.length} places of ${name}@${version} to read.`);
console.log('Remove what passes nothing, fill in what is empty, then follow compat/README.md from step 2.');

async function newest() {
  try {
    const version = given ?? (await published.versions(name)).latest;
    await published.fetch([{ name, version }]);
    return { version, ...(await published.tarball(name, version)) };
  } catch (error) {
    return fail(`${process.argv[2]} cannot be had: ${String(error.message).split('\n', 1)[0]}`, 1);
  }
}

function draft() {
  const kinds = [
    ...new Set(places.map(({ shows }) => (/["'`]ipc["'`]/.test(shows) ? 'ipc' : 'pipe'))),
  ].sort();
  return {
    $schema: `${'../'.repeat(name.split('/').length)}schema.json`,
    package: name,
    passes: [
      {
        range: `>=${version} <=${version}`,
        kinds,
        purpose: '',
        breaks: '',
        evidence: places.map(place => ({
          version,
          file: place.file,
          line: place.line,
          shows: place.shows,
          integrity,
          checked: new Date().toISOString().slice(0, 10),
          exercised: 'read',
        })),
      },
    ],
  };
}

function fail(what, code) {
  console.error(`compat:new: ${what}.`);
  process.exit(code);
}
