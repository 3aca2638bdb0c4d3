/** The call itself is wrong; the message says what was expected and what was found. */
export class UsageError extends Error {}

/** No error: a command was asked for its help, at any place in its call. */
export class HelpRequest extends Error {}
