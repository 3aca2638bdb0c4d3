// Redaction reaches each place of a caller: the file that runs, its source, and the callers further out.

import test from 'ava';
import type { SpawnFinding } from '../../src/findings/finding';
import { redactFinding } from '../../src/findings/redact';
import { caller } from '../support/values';

const source = { file: '/home/alice/app/src/run.ts', fileInPackage: 'src/run.ts', line: 1, column: 1 };
const place = caller({
  file: '/home/alice/app/dist/run.js',
  fileInPackage: 'dist/run.js',
  function: 'go',
  source,
});

function redactedPlaces(globs: readonly string[]): (string | undefined)[] {
  const finding = { command: 'sh', caller: { ...place, calledBy: [place] } } as unknown as SpawnFinding;
  const { caller: redacted } = redactFinding(finding, globs);
  return [redacted, ...(redacted?.calledBy ?? [])].flatMap(one => [
    one?.file,
    one?.fileInPackage,
    one?.function,
    one?.source?.file,
    one?.source?.fileInPackage,
  ]);
}

const REDACTED = '[redacted]';

for (const { title, globs, each } of [
  {
    title: 'without globs all is shown',
    globs: [],
    each: [place.file, 'dist/run.js', 'go', source.file, 'src/run.ts'],
  },
  {
    title: 'absolute paths are replaced by relative ones',
    globs: ['/home/**'],
    each: ['dist/run.js', 'dist/run.js', 'go', 'src/run.ts', 'src/run.ts'],
  },
  {
    title: 'the source alone',
    globs: ['**.ts'],
    each: [place.file, 'dist/run.js', 'go', REDACTED, REDACTED],
  },
  { title: 'everything', globs: ['**'], each: Array(5).fill(REDACTED) },
])
  test(`redaction of a caller: ${title}`, t => {
    t.deepEqual(redactedPlaces(globs), [...each, ...each]);
  });
