// Preloaded: a megabyte that nobody uses.
globalThis.held = Buffer.alloc(2 ** 20, 1);
