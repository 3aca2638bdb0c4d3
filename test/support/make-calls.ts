// Makes generated calls in a process of their own, and gives back what it saw of them.

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Batch } from '../fixtures/call-batch';
import { write } from './programs';
import { LIST_FDS, ROOT, type RunOptions, run, WITHOUT_COVERAGE } from './run';

const PROGRAM = path.join(ROOT, 'dist', 'test', 'fixtures', 'call-batch.js');

export interface Calls extends Pick<Batch, 'seed' | 'count' | 'designates' | 'only'>, RunOptions {
  /** A new one; its name must be as long as that of the run to compare with. */
  readonly folder: string;
}

/** What the calls gave, one line each, then what went to stdout and to stderr. */
export async function makeCalls({
  seed,
  count,
  designates,
  only,
  folder,
  ...options
}: Calls): Promise<string[]> {
  write(folder, { 'data.txt': 'data\n' });
  const output = path.join(folder, 'output.txt');
  const [stdout, stderr] = [path.join(folder, 'program.out'), path.join(folder, 'program.err')];
  // Files: a child that gets the program's stdout for its stdin would wait for ever at a socket.
  const through = ['sh', '-c', 'exec "$@" >>"$0.out" 2>>"$0.err"', path.join(folder, 'program')];
  for (let from = 0; ; ) {
    const batch: Batch = {
      seed,
      count,
      designates,
      from,
      folder,
      listFds: LIST_FDS,
      output,
      ...(only && { only }),
    };
    const result = await run(PROGRAM, {
      ...options,
      through,
      nodeArgs: [],
      args: [JSON.stringify(batch)],
      env: { ...WITHOUT_COVERAGE, ...options.env },
    });
    const text = readFileSync(output, 'utf8');
    if (result.code === 0 && text.endsWith('\n'))
      return [text, readFileSync(stdout, 'utf8'), readFileSync(stderr, 'utf8')].join('').split('\n');
    // Aborted, at the line that it had begun. What Node says of it has addresses in it.
    appendFileSync(output, `${result.signal ?? result.code}\n`);
    writeFileSync(stderr, '');
    from = caseOf(text.slice(text.lastIndexOf('\n') + 1)) + 1;
  }
}

/** The number of the case that a line is about; NaN for a line about none. */
export function caseOf(line: string): number {
  return Number.parseInt(line, 10);
}
