// Shortens the stack of a refusal, so that the caller's frame comes first.

const FRAME = /^\s+at /;

/**
 * Removes the leading frames of Node and of files below `own` from the text of a stack. Returns the text
 * unchanged if no other frame would be left, or if a stack-trace hook made another format than V8's.
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
