// FD tables as the kernel keeps them, limited to the FDs that the audit follows.

/** One FD given to one program. What the program does with it is recorded in src/audit/strace/verdict.ts. */
export interface Grant {
  readonly fd: number;
  /** Seconds since the epoch, when the program was executed. */
  readonly since: number;
  /** The number of entries in all tables that carry this grant. */
  open: number;
  /** When the last entry was closed. */
  closed: number | undefined;
}

/** An open FD, with all grants that it stems from. */
export interface FdEntry {
  readonly grants: readonly Grant[];
  readonly closesOnExec: boolean;
}

export class Table {
  readonly #entries = new Map<number, FdEntry>();
  /** The number of tasks that share this table. */
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

  /** Closes what was open at `fd` first. Without an entry, `fd` refers to a file that is not followed. */
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

  setCloseOnExec(fd: number, closesOnExec: boolean): void {
    const entry = this.#entries.get(fd);
    if (entry !== undefined) this.#entries.set(fd, { ...entry, closesOnExec });
  }

  copy(time: number): Table {
    const copy = new Table();
    for (const [fd, entry] of this.#entries) copy.put(fd, entry, time);
    return copy;
  }

  /** One task less shares this table; the last one closes all its FDs. */
  release(time: number): void {
    this.tasks--;
    if (this.tasks === 0) this.closeAll(time);
  }

  closeAll(time: number): void {
    for (const fd of [...this.#entries.keys()]) this.close(fd, time);
  }
}
