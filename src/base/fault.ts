// Describes an error that closefds caught, for reports. Not in errors.ts, which each start reads.

/**
 * An error of ours, or of user code that we ran, for a report: its name, its code and its place. Not its message,
 * which may quote an argument, a variable or what user code wrote into it.
 */
export function faultOf(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return `a thrown ${typeof thrown}`;
    const { code } = thrown as { code?: unknown };
    const isCode = typeof code === 'string' && /^E[A-Z0-9_]{1,40}$/.test(code);
    return [className(thrown), isCode ? code : undefined, placeOf(thrown)].filter(Boolean).join(' ');
  } catch {
    return 'an error that cannot be read';
  }
}

const KNOWN_CLASSES = ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'URIError', 'EvalError'];

function className({ name }: Error): string {
  return KNOWN_CLASSES.includes(name) ? name : 'Error';
}

/** `at spawn-guard.js:12:5`: the first frame behind the message, without its folder. */
function placeOf({ stack, message }: Error): string | undefined {
  const frames = String(stack).slice(String(stack).indexOf(message) + message.length);
  const [, place] = /^ +at .*?([\w.-]+\.[cm]?[jt]sx?:\d+:\d+)\)?$/m.exec(frames) ?? [];
  return place && `at ${place}`;
}
