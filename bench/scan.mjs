// Measures the scan's precision and recall, on programs and published packages that a person has read:
// npm run bench:scan [-- --write NAME@VERSION...]
//
// test/scan/corpus.json lists, for each version of a package, every place that passes FDs or may,
// and the compat table's evidence has more. Other places that the scan reports are wrong; places that it
// does not report are missed:
//
//   recall      the share of the places that is found (`certain`: the call and the slot are in one file)
//   precision   the share of the reports at a level that is right
//
// `unseen` marks packages that were chosen after the scan was written, and never looked at before. An entry
// with `file` is about that file only: it was chosen, and its places listed, before the scan was run on it.
// Launchers are listed for these files only; in the other packages they are not counted.
// A certain place that is missed makes the exit code 1. --write adds what the scan finds in a
// package to the corpus, for a person to read and correct.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPublished, replaceFile } from '../scripts/compat/published.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const { scanFolders, findSites } = require(path.join(root, 'dist', 'src', 'scan', 'index.js'));
const { loadCompat } = require(path.join(root, 'dist', 'src', 'policy', 'compat-table.js'));
const file = path.join(root, 'test', 'scan', 'corpus.json');
const published = createPublished(path.join(root, '.cache'));
const LEVELS = ['certain', 'likely', 'possible'];

const corpus = JSON.parse(readFileSync(file, 'utf8'));
if (process.argv[2] === '--write') await add(process.argv.slice(3));
else await measure();

async function measure() {
  const programs = score(programPlaces());
  console.log(`${programs.of} programs of test/fixtures/scan`);
  print(programs);

  const started = performance.now();
  await published.fetch(corpus.packages);
  const fetched = performance.now();
  const all = [];
  for (const entry of corpus.packages) all.push(await judge(entry));
  const chosen = all.filter(({ isFile }) => isFile);
  const total = score(all.filter(({ isFile }) => !isFile));
  console.log(`${total.of} published packages`);
  print(total);
  const files = score(chosen);
  console.log(`${files.of} files that were chosen and read before the scan was run on them`);
  print(files);
  const isLauncher = ({ what, siteType }) => (what ?? siteType) === 'launcher';
  const launchers = score(
    chosen.map(({ expected, found, ...file }) => ({
      ...file,
      expected: expected.filter(isLauncher),
      found: found.filter(isLauncher),
    })),
    () => {},
  );
  console.log('  of these, the launchers');
  print(launchers);
  const unseen = score(
    all.filter(({ isUnseen }) => isUnseen),
    () => {},
  );
  console.log(`${unseen.of} of them that were not looked at while the scan was written`);
  print(unseen);
  const { found, of } = total.evidence;
  console.log(`  the compat table's evidence: ${found} of ${of} rows found`);
  const seconds = from => ((performance.now() - from) / 1000).toFixed(0);
  const peak = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(
    `fetched in ${((fetched - started) / 1000).toFixed(0)} s, scanned in ${seconds(fetched)} s, ${peak} MiB at most`,
  );
  process.exitCode = programs.missed.certain + total.missed.certain === 0 ? 0 : 1;
}

async function judge(entry) {
  const title = `${entry.name}@${entry.version}`;
  const { integrity } = await published.tarball(entry.name, entry.version);
  if (integrity !== entry.integrity) throw new Error(`${title}: the tarball is ${integrity}`);
  return {
    title,
    isUnseen: entry.unseen === true && entry.file === undefined,
    isFile: entry.file !== undefined,
    expected: entry.file === undefined ? [...entry.places, ...evidenceOf(entry)] : entry.places,
    found: (await scanned(entry)).filter(place =>
      entry.file === undefined ? place.siteType !== 'launcher' : place.file === entry.file,
    ),
  };
}

/** Places that people found in the package before the scan existed. */
function evidenceOf({ name, version }) {
  const table = path.join(root, 'compat', 'packages', `${name}.json`);
  if (!existsSync(table)) return [];
  const { passes = [] } = JSON.parse(readFileSync(table, 'utf8'));
  return passes
    .flatMap(entry => entry.evidence)
    .filter(row => row.version === version)
    .map(({ file, line }) => ({ file, line, what: 'stdio', certain: true, isEvidence: true }));
}

async function scanned({ name, version }) {
  const { places } = await scanFolders({
    roots: [await published.tarballFile(name, version)],
    policy: { rules: [], aliases: {}, expired: [], validUntil: Number.POSITIVE_INFINITY },
    table: { ...loadCompat(), strays: [], starts: [] },
    useCache: false,
    env: process.env,
  });
  return places.map(({ fileInPackage, ...place }) => ({ ...place, file: fileInPackage }));
}

/** `//-> certain spawn ipc 3` beside the line; see test/fixtures/scan/README.md. */
function programPlaces() {
  const folder = path.join(root, 'test', 'fixtures', 'scan');
  const { launchers } = loadCompat();
  return readdirSync(folder)
    .filter(name => name !== 'README.md')
    .map(name => {
      const text = readFileSync(path.join(folder, name), 'utf8');
      const expected = text.split('\n').flatMap((line, index) =>
        (/\/\/-> (.+)$/.exec(line)?.[1] ?? '')
          .split('; ')
          .filter(Boolean)
          .map(label => ({ file: name, line: index + 1, certain: label.startsWith('certain') })),
      );
      const found = findSites(text, name, { launchers }).map(site => ({ ...site, file: name }));
      return { title: name, expected, found };
    });
}

function score(judged, tell = console.log) {
  const right = { certain: 0, likely: 0, possible: 0 };
  const wrong = { certain: 0, likely: 0, possible: 0 };
  const found = { certain: 0, other: 0 };
  const missed = { certain: 0, other: 0 };
  const graded = { certain: 0, lower: 0 };
  const evidence = { found: 0, of: 0 };
  for (const { title, expected, found: reported } of judged) {
    for (const place of reported) {
      const isRight = expected.some(label => isAt(label, place));
      (isRight ? right : wrong)[place.confidence]++;
      if (!isRight)
        tell(
          `  wrong   ${title} ${place.file}:${place.line} ${place.confidence} ${place.siteType}: ${place.snippet}`,
        );
    }
    for (const label of expected) {
      const places = reported.filter(place => isAt(label, place));
      const isFound = places.length > 0;
      if (label.isEvidence) {
        evidence.of++;
        evidence.found += Number(isFound);
      } else if (label.certain && isFound)
        graded[places.some(({ confidence }) => confidence === 'certain') ? 'certain' : 'lower']++;
      (isFound ? found : missed)[label.certain ? 'certain' : 'other']++;
      if (!isFound) tell(`  missed  ${title} ${label.file}:${label.line}`);
    }
  }
  return { of: judged.length, right, wrong, found, missed, graded, evidence };
}

function isAt(label, place) {
  return (
    label.file === place.file &&
    (label.what === undefined || label.what === place.siteType) &&
    place.lines.includes(label.line)
  );
}

function print({ right, wrong, found, missed, graded }) {
  const share = (part, rest) =>
    `${part + rest === 0 ? '-' : ((100 * part) / (part + rest)).toFixed(1)} % (${part} of ${part + rest})`;
  console.log(
    `  recall     certain ${share(found.certain, missed.certain)}, others ${share(found.other, missed.other)}`,
  );
  console.log(`  called certain  ${share(graded.certain, graded.lower)} of the certain ones`);
  console.log(
    `  precision  ${LEVELS.map(level => `${level} ${share(right[level], wrong[level])}`).join(', ')}`,
  );
}

async function add(specs) {
  const entries = new Map(corpus.packages.map(entry => [`${entry.name}@${entry.version}`, entry]));
  const wanted = specs.map(spec => {
    const [, name, version] = /^(@?[^@]+)@(.+)$/.exec(spec) ?? [];
    if (name === undefined) throw new Error(`expected NAME@VERSION, found ${spec}`);
    return { name, version };
  });
  await published.fetch(wanted);
  for (const { name, version } of wanted) {
    const { integrity } = await published.tarball(name, version);
    const places = (await scanned({ name, version })).map(
      ({ file, line, siteType, kinds, slots, confidence, snippet }) => {
        const certain = confidence === 'certain';
        return { file, line, what: siteType, kinds, slots, certain, shows: snippet.slice(0, 100) };
      },
    );
    const unique = [
      ...new Map(places.map(place => [`${place.file}:${place.line} ${place.siteType}`, place])).values(),
    ];
    const { unseen, file: only } = entries.get(`${name}@${version}`) ?? {};
    entries.set(`${name}@${version}`, { name, version, integrity, unseen, file: only, places: unique });
    console.log(`${name}@${version}: ${places.length} places to read`);
  }
  const packages = [...entries.values()].sort(
    (a, b) => compare(a.name, b.name) || compare(a.version, b.version),
  );
  replaceFile(file, toText(packages));
}

/** Prints one place a line. */
function toText(packages) {
  const entries = packages.map(({ places, ...entry }) => {
    const lines = places.map(place => `    ${JSON.stringify(place)}`);
    const list = lines.length === 0 ? '[]' : `[\n${lines.join(',\n')}\n  ]`;
    return `  ${JSON.stringify(entry).slice(0, -1)}, "places": ${list}}`;
  });
  return `{\n"about": ${JSON.stringify(corpus.about)},\n"packages": [\n${entries.join(',\n')}\n]\n}\n`;
}

function compare(a, b) {
  return a < b ? -1 : Number(a > b);
}
