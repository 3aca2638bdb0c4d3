// Reads a trace from its first line to its last, and tells what became of the FDs that programs
// were given. Puts the two halves of interrupted calls together, and knows who made whom; what
// calls do is in src/audit/strace/simulate.ts.

import { readCall, readLine, type TraceLine } from './parse-line';
import { type Birth, createSimulation, type Given, MAKES, type Uses } from './simulate';

/** `lines` is asked twice: a child can speak before the call that made it returns. */
export function follow(lines: () => Iterable<string>, given: readonly Given[]): Uses {
  const kernel = createSimulation(findBirths(lines()), given);
  const pending = new Map<number, { readonly name: string; readonly text: string }>();
  for (const text of lines()) {
    const line = readLine(text);
    if (line !== undefined) step(line);
  }
  return kernel.finish();

  function step({ pid, time, event }: TraceLine): void {
    switch (event.is) {
      case 'call':
        kernel.begin(pid, time, event.call);
        kernel.end(pid, time, event.call);
        return;
      case 'start':
        pending.set(pid, event);
        kernel.begin(pid, time, readCall(event.name, event.text));
        return;
      case 'end': {
        const start = pending.get(pid);
        pending.delete(pid);
        if (start?.name === event.name)
          kernel.end(pid, time, readCall(event.name, joined(start.text, event.text)));
        return;
      }
      case 'superseded': {
        // The other thread's exec goes on under this number.
        const start = pending.get(event.by);
        pending.delete(event.by);
        if (start !== undefined) pending.set(pid, start);
        kernel.supersede(pid, time, event.by);
        return;
      }
      default:
        pending.delete(pid);
        kernel.leave(pid, time, event.is === 'killed' ? event.signal : undefined);
    }
  }
}

/** strace writes the comma between the halves with the first, with the second, or with neither. */
function joined(start: string, end: string): string {
  return start + (/^(?:,|\)| *=)/.test(end) || start.endsWith('(') ? '' : ', ') + end;
}

// ---------------------------------------------------------------------------------------------
// Who made whom
// ---------------------------------------------------------------------------------------------

function findBirths(lines: Iterable<string>): ReadonlyMap<number, readonly Birth[]> {
  const births = new Map<number, Birth[]>();
  const begun = new Map<number, number>();
  for (const text of lines) {
    if (!text.includes('clone') && !text.includes('fork')) continue;
    const line = readLine(text);
    if (line === undefined) continue;
    const { pid, time, event } = line;
    if (event.is === 'start' && MAKES.test(event.name)) begun.set(pid, time);
    else if (event.is === 'end' && MAKES.test(event.name))
      add(readCall(event.name, `(${event.text}`).result, pid, begun.get(pid) ?? time);
    else if (event.is === 'call' && MAKES.test(event.call.name)) add(event.call.result, pid, time);
  }
  return births;

  function add(child: number | undefined, parent: number, time: number): void {
    if (child === undefined || child <= 0) return;
    births.set(child, [...(births.get(child) ?? []), { parent, time }]);
  }
}
