// A preload that allocates a megabyte which no code uses.
globalThis.held = Buffer.alloc(2 ** 20, 1);
