// Describes an error that closefds caught, for a report. Separate from errors.ts, which each start loads.

/**
 * Describes an error of closefds, or of user code that closefds called: class, code and source position. Omits
 * the message, which may quote an argument or a variable.
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

/** Returns `at spawn-guard.js:12:5`: the first frame after the message, without the folder. */
function placeOf({ stack, message }: Error): string | undefined {
  const frames = String(stack).slice(String(stack).indexOf(message) + message.length);
  const [, place] = /^ +at .*?([\w.-]+\.[cm]?[jt]sx?:\d+:\d+)\)?$/m.exec(frames) ?? [];
  return place && `at ${place}`;
}
