// The stack of a call: src/callers/capture-stack.ts captures it, src/callers/find-caller.ts reads it.

/** A captured stack that is not formatted yet. */
export interface CallStack {
  /** V8 formats the stack when `stack` is read for the first time. */
  readonly holder: { stack?: unknown };
  /** The number of frames that was requested. */
  readonly most: number;
  /** Whether V8 got that limit; user code may have frozen it. */
  readonly isAsked: boolean;
}

export interface CallSites {
  /** Innermost first. */
  readonly sites: readonly NodeJS.CallSite[];
  /** Whether these are all frames, or as many as were requested. */
  readonly complete: boolean;
  /** Whether the outermost frame is included. */
  readonly isAll: boolean;
  /** V8's text of the stack, if user code froze the stack-trace hook so that there are no call sites. */
  readonly text: string | undefined;
}

/** A line of V8's text of a stack. */
export interface TextFrame {
  readonly function: string | undefined;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Parses `    at name (file:line:column)`; undefined for another line. */
export function parseFrame(text: string): TextFrame | undefined {
  const match = /^ +at (?:async )?(?:(.+?) \((.+):(\d+):(\d+)\)|(.+):(\d+):(\d+))$/.exec(text);
  if (match === null) return undefined;
  const [, name, ...place] = match;
  const [file = '', line, column] = name === undefined ? place.slice(3) : place;
  return { function: name, file, line: Number(line), column: Number(column) };
}
