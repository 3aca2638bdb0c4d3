// One line of `strace -f -ttt -xx -X raw`, as data.
//
// With these options every string is hexadecimal and every constant a number, so neither file names
// nor the version of strace change how a line is parsed. A line may be cut off at any place: the
// tracer can be killed while it writes.

/** A system call. */
export interface TracedCall {
  readonly name: string;
  /** As strace wrote them. */
  readonly args: readonly string[];
  /** Undefined if the call never returned, or strace did not see it return. */
  readonly result: number | undefined;
  /** The name of the error, such as `EBADF`. */
  readonly error: string | undefined;
}

export type TraceEvent =
  | { readonly is: 'call'; readonly call: TracedCall }
  /** The first half of a call that other lines interrupt. */
  | { readonly is: 'start'; readonly name: string; readonly text: string }
  /** Its second half. */
  | { readonly is: 'end'; readonly name: string; readonly text: string }
  | { readonly is: 'exited'; readonly code: number }
  | { readonly is: 'killed'; readonly signal: string }
  /** Another thread executed a program and took over the pid of the process. */
  | { readonly is: 'superseded'; readonly by: number };

export interface TraceLine {
  readonly pid: number;
  /** Seconds since the epoch. */
  readonly time: number;
  readonly event: TraceEvent;
}

const LINE = /^(\d+) +(\d+\.\d+) (.*)$/s;
const RESUMED = /^<\.\.\. (\w+) resumed>(.*)$/s;
const UNFINISHED = /^(\w+)(\(.*?),? *<(?:unfinished|detached|pid changed to \d+) \.\.\.>$/s;
const END =
  /^\+\+\+ (?:exited with (\d+)|killed by (\w+)(?: \(core dumped\))?|superseded by execve in pid (\d+)) \+\+\+$/;
const CALL = /^(\w+)(\(.*)$/s;

/** Undefined for lines without information about FDs: signals, and lines that strace did not write. */
export function readLine(text: string): TraceLine | undefined {
  const [, pid, time, rest = ''] = LINE.exec(text) ?? [];
  const event = pid === undefined ? undefined : readEvent(rest);
  return event && { pid: Number(pid), time: Number(time), event };
}

function readEvent(text: string): TraceEvent | undefined {
  const [, resumed, remainder = ''] = RESUMED.exec(text) ?? [];
  if (resumed !== undefined) return { is: 'end', name: resumed, text: remainder };

  const [, unfinished, start = ''] = UNFINISHED.exec(text) ?? [];
  if (unfinished !== undefined) return { is: 'start', name: unfinished, text: start };

  const [end, code, signal, by] = END.exec(text) ?? [];
  if (code !== undefined) return { is: 'exited', code: Number(code) };
  if (signal !== undefined) return { is: 'killed', signal };
  if (end !== undefined) return { is: 'superseded', by: Number(by) };

  const [, name, rest = ''] = CALL.exec(text) ?? [];
  return name === undefined ? undefined : { is: 'call', call: readCall(name, rest) };
}

/** `text` begins with the parenthesis. For an interrupted call it is both halves, joined. */
export function readCall(name: string, text: string): TracedCall {
  const { args, end } = splitArguments(text);
  const [, result, error] = /^\) *= (-?(?:0x[\da-f]+|\d+))(?: (E[A-Z\d]+))?/.exec(text.slice(end)) ?? [];
  return { name, args, result: result === undefined ? undefined : toNumber(result), error };
}

/** Splits at the commas outside brackets and strings. `end` is the index of the closing parenthesis. */
function splitArguments(text: string): { args: string[]; end: number } {
  const args: string[] = [];
  let depth = 0;
  let start = 1;
  let at = 0;
  for (; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '"') {
      const close = text.indexOf('"', at + 1);
      at = close === -1 ? text.length : close;
    } else if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character)) {
      depth--;
      if (depth === 0) break;
    } else if (character === ',' && depth === 1) {
      args.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  const last = text.slice(start, at).trim();
  if (last !== '' || args.length > 0) args.push(last);
  return { args, end: at };
}

/** Adds up flags such as `0x1200000|17`. Undefined if `text` is no number, such as the contents of a pointer. */
export function toNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^-?(?:0x[\da-f]+|\d+)(?:\|(?:0x[\da-f]+|\d+))*/.test(text)) return undefined;
  const [first = '', ...more] = text.split(/[^\w|-]/, 1)[0]?.split('|') ?? [];
  const sign = first.startsWith('-') ? -1 : 1;
  return [first.replace('-', ''), ...more].reduce((sum, part) => sum + Number(part), 0) * sign;
}

/** As Latin-1, one character a byte: a path may have any bytes. Undefined if strace could not read the pointer. */
export function toPath(text: string | undefined): string | undefined {
  const [, hex] = /^"((?:\\x[\da-f]{2})*)"/.exec(text ?? '') ?? [];
  return hex?.replace(/\\x(..)/g, (_, byte: string) => String.fromCharCode(Number.parseInt(byte, 16)));
}
