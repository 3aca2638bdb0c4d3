// The one error class of closefds.

/** What went wrong, for programs. Messages may change between versions; codes do not. */
export type ErrorCode =
  /** `strict` mode: the policy does not allow an FD of this spawn. No process was made. */
  | 'ERR_CLOSEFDS_DENIED'
  /** The config, a mode or an environment variable is wrong. */
  | 'ERR_CLOSEFDS_CONFIG'
  /** An argument of `withFds()` or `unsafe()` is wrong. */
  | 'ERR_CLOSEFDS_ARGUMENT';

// Registered: the preloads are bundles with a class of their own, and two copies may be loaded.
const BRAND = Symbol.for('closefds.error');

/** Thrown by closefds and by the functions it guards; `code` tells which of its reasons applies. */
export class ClosefdsError extends Error {
  readonly code: ErrorCode;

  /** Also for an error of the preload or of another copy of closefds. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

Object.defineProperty(ClosefdsError.prototype, BRAND, { value: true });

// On the prototype, as in Node's own errors: an own property would be printed with each error.
Object.defineProperty(ClosefdsError.prototype, 'name', {
  value: 'ClosefdsError',
  configurable: true,
  writable: true,
});

/** The message of a thrown value. User code throws anything, even values that throw when they are read. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown);
  } catch {
    return 'an error that cannot be read';
  }
}
