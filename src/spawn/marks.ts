// The keys by which withFds() and unsafe() mark the options of a call.
//
// Registered symbols, so that libraries can write them without depending on closefds.

export const WITH_FDS = Symbol.for('closefds.withFds');
export const UNSAFE = Symbol.for('closefds.unsafe');

/** The same marks under a string key: execa copies options by Object.entries(), which drops symbols. */
export const TWIN = '__closefds';
