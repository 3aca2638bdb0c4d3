/** The call itself is wrong; the message says what was expected and what was found. */
export class UsageError extends Error {}
