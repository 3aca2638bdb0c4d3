// The stack of a call, as src/callers/capture-stack.ts captures it and src/callers/find-caller.ts reads it.

/** A stack that was captured and is perhaps never read. */
export interface CallStack {
  /** V8 formats the stack when this is first read. */
  readonly holder: { stack?: unknown };
  /** How many frames were asked for. */
  readonly most: number;
  /** Whether the limit could be set; user code may have frozen it. */
  readonly isAsked: boolean;
}

export interface CallSites {
  /** Innermost first. */
  readonly sites: readonly NodeJS.CallSite[];
  /** Whether these are all, or as many as were asked for. */
  readonly complete: boolean;
  /** Whether the stack ends with them. */
  readonly isAll: boolean;
  /** V8's text of the stack, where user code froze what it takes to get call sites. */
  readonly text: string | undefined;
}
