/** Wrong arguments. The message has what was expected and what was found. */
export class UsageError extends Error {}

/** Thrown for --help at any position among the arguments; not an error. */
export class HelpRequest extends Error {}
