// The stack of a refusal, for people: the caller's frame comes first.

const FRAME = /^\s+at /;

/**
 * Removes the leading frames of Node and of files below `own` from the text of a stack. Returns the text as it
 * is where no other frame would be left, or where a stack-trace hook made something else than V8's text.
 */
export function trimStack(stack: string, own: string): string {
  const lines = stack.split('\n');
  const first = lines.findIndex(line => FRAME.test(line));
  if (first === -1) return stack;
  const isLeading = (line: string) => FRAME.test(line) && (line.includes('node:') || line.includes(own));
  const caller = lines.findIndex((line, index) => index >= first && !isLeading(line));
  if (caller === -1 || !FRAME.test(lines[caller] as string)) return stack;
  return [...lines.slice(0, first), ...lines.slice(caller)].join('\n');
}
