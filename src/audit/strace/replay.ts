// Replays a trace from its first line to its last, and returns what each program did with its FDs.
//
// Joins the two halves of interrupted calls, and finds out which task created which. The effects of
// the calls are in src/audit/strace/simulate.ts.

import { readCall, readLine, type TraceLine } from './parse-line';
import { type Creation, type Given, Simulation, type Uses } from './simulate';
import { CREATES_TASK } from './task';

/** Calls `lines` twice: a child's lines may come before the line of the call that created it. */
export function follow(lines: () => Iterable<string>, given: readonly Given[]): Uses {
  const replay = new Replay(new Simulation(findCreations(lines()), given));
  for (const text of lines()) {
    const line = readLine(text);
    if (line !== undefined) replay.step(line);
  }
  return replay.simulation.finish();
}

class Replay {
  /** By pid: the first half of a call that other lines interrupted. */
  readonly #unfinished = new Map<number, { readonly name: string; readonly text: string }>();

  constructor(readonly simulation: Simulation) {}

  step({ pid, time, event }: TraceLine): void {
    switch (event.is) {
      case 'call':
        this.simulation.begin(pid, time, event.call);
        this.simulation.end(pid, time, event.call);
        return;
      case 'start':
        this.#unfinished.set(pid, event);
        this.simulation.begin(pid, time, readCall(event.name, event.text));
        return;
      case 'end':
        this.#endCall(pid, time, event.name, event.text);
        return;
      case 'superseded':
        this.#supersede(pid, time, event.by);
        return;
      default:
        this.#unfinished.delete(pid);
        this.simulation.leave(pid, time, event.is === 'killed' ? event.signal : undefined);
    }
  }

  #endCall(pid: number, time: number, name: string, text: string): void {
    const start = this.#unfinished.get(pid);
    this.#unfinished.delete(pid);
    if (start?.name === name) this.simulation.end(pid, time, readCall(name, joinHalves(start.text, text)));
  }

  /** The other thread's execve() returns under the pid of the process. */
  #supersede(pid: number, time: number, by: number): void {
    const start = this.#unfinished.get(by);
    this.#unfinished.delete(by);
    if (start !== undefined) this.#unfinished.set(pid, start);
    this.simulation.supersede(pid, time, by);
  }
}

/** strace writes the comma between the halves in the first half, in the second, or in neither. */
function joinHalves(start: string, end: string): string {
  return start + (/^(?:,|\)| *=)/.test(end) || start.endsWith('(') ? '' : ', ') + end;
}

// ---------------------------------------------------------------------------------------------
// Which task created which
// ---------------------------------------------------------------------------------------------

/** By the pid of the child: a pid may be reused. */
function findCreations(lines: Iterable<string>): ReadonlyMap<number, readonly Creation[]> {
  const creations = new Map<number, Creation[]>();
  const begun = new Map<number, number>();
  for (const text of lines) {
    if (!text.includes('clone') && !text.includes('fork')) continue;
    const line = readLine(text);
    if (line === undefined) continue;
    const { pid, time, event } = line;
    if (event.is === 'start' && CREATES_TASK.test(event.name)) begun.set(pid, time);
    else if (event.is === 'end' && CREATES_TASK.test(event.name))
      add(readCall(event.name, `(${event.text}`).result, pid, begun.get(pid) ?? time);
    else if (event.is === 'call' && CREATES_TASK.test(event.call.name)) add(event.call.result, pid, time);
  }
  return creations;

  function add(child: number | undefined, parent: number, time: number): void {
    if (child === undefined || child <= 0) return;
    creations.set(child, [...(creations.get(child) ?? []), { parent, time }]);
  }
}
