// Globs: what fits is what the definition says, and no glob keeps the process busy.

import { performance } from 'node:perf_hooks';
import fc from 'fast-check';
import { matchesGlob } from '../../src/base/glob';
import { must, property, type Target } from './target';

/** Few letters, so that much fits. */
const letters = fc.constantFrom('a', 'b', '/', '.', '[', ']', '(', '\n', '\u{1f600}', '\ud800');
const texts = fc.array(letters, { maxLength: 12 }).map(parts => parts.join(''));
const globs = fc
  .array(fc.oneof(letters, fc.constantFrom('*', '**', '**/', '?', '*', '?')), { maxLength: 8 })
  .map(parts => parts.join(''));

/** The definition, as slow and as plain as can be. */
function fits(text: readonly string[], glob: string): boolean {
  const [first] = text;
  const rest = text.slice(1);
  if (glob === '') return text.length === 0;
  if (glob.startsWith('**/'))
    return (
      fits(text, glob.slice(3)) || text.some((c, i) => c === '/' && fits(text.slice(i + 1), glob.slice(3)))
    );
  if (glob.startsWith('**')) return fits(text, glob.slice(2)) || (first !== undefined && fits(rest, glob));
  if (glob.startsWith('*'))
    return fits(text, glob.slice(1)) || (first !== undefined && first !== '/' && fits(rest, glob));
  const [token = ''] = glob;
  return (
    first !== undefined &&
    (token === '?' ? first !== '/' : first === token) &&
    fits(rest, glob.slice(token.length))
  );
}

const heavy = fc.record({
  text: fc
    .tuple(texts, fc.integer({ min: 50, max: 400 }))
    .map(([text, times]) => text.repeat(times).slice(0, 4096)),
  glob: fc.tuple(globs, fc.integer({ min: 1, max: 12 })).map(([glob, times]) => glob.repeat(times)),
});

/** A regular expression needs minutes for some; this is what thousands of steps take, with room. */
const LONGEST = 2000;

function checkTime({ text, glob }: { readonly text: string; readonly glob: string }): void {
  const start = performance.now();
  matchesGlob(text, glob);
  const took = performance.now() - start;
  must(took < LONGEST, `${text.length} characters against ${glob.length} took ${took} ms`);
}

export const GLOB_TARGETS: readonly Target[] = [
  property(
    'glob',
    'what fits is what the definition says',
    5000,
    fc.record({ text: texts, glob: globs }),
    input => {
      must(matchesGlob(input.text, input.glob) === fits([...input.text], input.glob), 'both say the same');
    },
  ),
  property('glob-time', 'no glob takes long', 300, heavy, checkTime),
];
