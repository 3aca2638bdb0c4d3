// FD tables as the kernel keeps them, for the FDs that are followed.

/** One FD given to one program; what is learned about it is in src/audit/strace/verdict.ts. */
export interface Grant {
  readonly fd: number;
  /** Seconds since the epoch, when the program was executed. */
  readonly since: number;
  /** In how many places it is open, in all tables together. */
  open: number;
  /** When it was last closed everywhere. */
  closed: number | undefined;
}

/** An open FD, with all the grants it stems from. */
export interface FdEntry {
  readonly grants: readonly Grant[];
  readonly closesOnExec: boolean;
}

export class Table {
  readonly #entries = new Map<number, FdEntry>();
  /** Tasks that share it. */
  tasks = 1;

  get(fd: number): FdEntry | undefined {
    return this.#entries.get(fd);
  }

  entries(): readonly (readonly [number, FdEntry])[] {
    return [...this.#entries];
  }

  grants(): ReadonlySet<Grant> {
    return new Set([...this.#entries.values()].flatMap(entry => entry.grants));
  }

  /** Whatever was there is closed by that; without an entry it is something that is not followed. */
  put(fd: number, entry: FdEntry | undefined, time: number): void {
    for (const grant of entry?.grants ?? []) grant.open++;
    this.close(fd, time);
    if (entry !== undefined) this.#entries.set(fd, entry);
  }

  close(fd: number, time: number): void {
    for (const grant of this.#entries.get(fd)?.grants ?? []) {
      grant.open--;
      if (grant.open === 0) grant.closed = time;
    }
    this.#entries.delete(fd);
  }

  mark(fd: number, closesOnExec: boolean): void {
    const entry = this.#entries.get(fd);
    if (entry !== undefined) this.#entries.set(fd, { ...entry, closesOnExec });
  }

  copy(time: number): Table {
    const copy = new Table();
    for (const [fd, entry] of this.#entries) copy.put(fd, entry, time);
    return copy;
  }

  closeAll(time: number): void {
    for (const fd of [...this.#entries.keys()]) this.close(fd, time);
  }
}
