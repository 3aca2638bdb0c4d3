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

// As in Node's own errors: the class name is on the prototype, so it is no own property of each.
Object.defineProperty(ClosefdsError.prototype, 'name', {
  value: 'ClosefdsError',
  configurable: true,
  writable: true,
});

/** What a thrown value says. Code of others throws anything, even what throws again when it is read. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown);
  } catch {
    return 'an error that cannot be read';
  }
}
