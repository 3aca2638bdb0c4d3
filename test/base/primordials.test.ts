// What the bundles call in place of methods of lists gives what the methods give, holes included.

import test from 'ava';
import { primordials } from '../../src/base/captured';

type Call = (...args: unknown[]) => unknown;

const table = primordials() as Record<string, Call>;

// biome-ignore lint/suspicious/noSparseArray: holes are what is tested
const LISTS: readonly unknown[][] = [[], [1, 2, 3], [1, , 3], [, ,], [[1, , 2], , [3]], Array(2)];

const CALLS: readonly { readonly method: string; readonly args: readonly unknown[] }[] = [
  { method: 'concat', args: [[4], 5, Array(1)] },
  { method: 'filter', args: [() => true] },
  { method: 'flat', args: [] },
  { method: 'flatMap', args: [(value: unknown) => [value, value]] },
  { method: 'map', args: [(value: unknown, index: number) => [value, index]] },
  { method: 'slice', args: [] },
  { method: 'slice', args: [1] },
  { method: 'slice', args: [-2, -1] },
  { method: 'slice', args: [0, 9] },
];

const ITERATING: readonly string[] = ['entries', 'keys', 'values'];

for (const { method, args } of CALLS) {
  test(`${method}(${args.join()}) of lists with holes and without`, t => {
    const native = LISTS.map(list => (list as unknown as Record<string, Call>)[method]?.call(list, ...args));
    t.deepEqual(LISTS.map(list => table[`$${method}`]?.(list, ...args)).map(shape), native.map(shape));
  });
}

for (const method of ITERATING) {
  test(`${method}() of lists with holes and without`, t => {
    const iterate = (of: Call) => LISTS.map(list => [...(of(list) as Iterable<unknown>)]);
    t.deepEqual(
      iterate(list => table[`$${method}`]?.(list)),
      iterate(list => (list as unknown as Record<string, Call>)[method]?.call(list)),
    );
  });
}

/** An assertion does not tell a hole from undefined. */
function shape(list: unknown): unknown {
  return [(list as unknown[]).length, Object.entries(list as object)];
}
