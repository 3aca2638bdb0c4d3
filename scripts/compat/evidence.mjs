// Where a text stands in published tarballs: fetched many at a time, each read once, and the answers kept.
//
// A published tarball never changes, so an answer stays right; .cache/compat/answers.json has them
// by package, version, file and text. With it, a run needs only the tarballs that are new.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { inParallel, replaceFile } from './published.mjs';

/** Raised when an answer would mean something else. */
const FORMAT = 1;

/** How many tarballs one npm fetches. */
const BATCH = 8;
const BATCHES_AT_ONCE = 3;

/** `isFresh` ignores what an earlier run kept. */
export function createEvidence(published, cache, { isFresh = false } = {}) {
  const file = path.join(cache, 'compat', 'answers.json');
  const answers = isFresh ? new Map() : readAnswers(file);
  const failures = new Map();

  return {
    /** Finds the answers to `[{ name, version, file, shows }]`. */
    async prepare(questions) {
      const open = new Map();
      for (const question of questions) {
        const key = keyOf(question);
        if (answers.get(key)?.places[placeOf(question)] !== undefined) continue;
        open.set(key, [...(open.get(key) ?? []), question]);
      }
      const wanted = [...open.values()];
      const batches = Array.from({ length: Math.ceil(wanted.length / BATCH) }, (_, index) =>
        wanted.slice(index * BATCH, (index + 1) * BATCH),
      );
      await inParallel(batches, BATCHES_AT_ONCE, async batch => {
        await published.fetch(batch.map(([{ name, version }]) => ({ name, version })));
        for (const questions of batch) await answer(questions);
      });
      keepAnswers(file, answers);
      return { tarballs: wanted.length };
    },

    /**
     * `{ integrity, lines, holders }`: the tarball's hash, the lines of the file with the text, and
     * up to three files with it where this one has it nowhere. Or `{ error, isGone }`.
     */
    find(question) {
      const failure = failures.get(keyOf(question));
      if (failure !== undefined) return failure;
      const { integrity, places } = answers.get(keyOf(question));
      return { integrity, ...places[placeOf(question)] };
    },
  };

  async function answer(questions) {
    const [{ name, version }] = questions;
    const key = keyOf(questions[0]);
    let tarball;
    try {
      tarball = await published.tarball(name, version);
    } catch (error) {
      failures.set(key, { error: error.message, isGone: error.isGone === true });
      return;
    }
    const places = { ...answers.get(key)?.places };
    for (const question of questions) places[placeOf(question)] = search(tarball.files, question);
    answers.set(key, { integrity: tarball.integrity, places });
  }
}

function keyOf({ name, version }) {
  return `${name}@${version}`;
}

function placeOf({ file = '', shows }) {
  return `${file}\n${shows}`;
}

/** Without a file, in all of them. */
function search(files, { file, shows }) {
  const lines = (files.get(file)?.split('\n') ?? []).flatMap((line, index) =>
    line.includes(shows) ? [index + 1] : [],
  );
  if (lines.length > 0) return { lines, holders: [file] };
  const holders = [...files].filter(([, text]) => text.includes(shows)).map(([name]) => name);
  return { lines, holders: holders.sort().slice(0, 3) };
}

function readAnswers(file) {
  try {
    const { format, answers } = JSON.parse(readFileSync(file, 'utf8'));
    return new Map(format === FORMAT ? Object.entries(answers) : []);
  } catch {
    // There is none yet, or it was not written to its end: all tarballs are read again.
    return new Map();
  }
}

function keepAnswers(file, answers) {
  mkdirSync(path.dirname(file), { recursive: true });
  const sorted = [...answers].sort(([a], [b]) => (a < b ? -1 : 1));
  replaceFile(file, `${JSON.stringify({ format: FORMAT, answers: Object.fromEntries(sorted) })}\n`);
}
