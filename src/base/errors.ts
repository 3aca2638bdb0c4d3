// The one error class of closefds.

/** The reason of an error, for programs. Messages may change between versions; codes do not. */
export type ErrorCode =
  /** In `strict` mode, the policy does not allow an FD of this spawn. No process was created. */
  | 'ERR_CLOSEFDS_DENIED'
  /** The config, a mode or an environment variable is wrong. */
  | 'ERR_CLOSEFDS_CONFIG'
  /** An argument of `withFds()` or `unsafe()` is wrong. */
  | 'ERR_CLOSEFDS_ARGUMENT';

// A registered symbol: each preload bundle has its own copy of the class, and two copies may be loaded.
const BRAND = Symbol.for('closefds.error');

/** The error that closefds and the functions it guards throw; `code` is the reason. */
export class ClosefdsError extends Error {
  readonly code: ErrorCode;

  /** `instanceof` also accepts an error of the preload or of another copy of closefds. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

Object.defineProperty(ClosefdsError.prototype, BRAND, { value: true });

// The class name is on the prototype, as in Node's own errors, so it is not an own property of each error.
Object.defineProperty(ClosefdsError.prototype, 'name', {
  value: 'ClosefdsError',
  configurable: true,
  writable: true,
});

// Node prints the class's own name too if it differs, as in a bundle with short names.
Object.defineProperty(ClosefdsError, 'name', { value: 'ClosefdsError', configurable: true });

/** The message of a thrown value. User code can throw any value, even one whose properties throw. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown);
  } catch {
    return 'an error that cannot be read';
  }
}
