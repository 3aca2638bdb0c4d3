// A preload that allocates BENCH_HELD megabytes which no code uses.
globalThis.held = Buffer.alloc(process.env.BENCH_HELD * 2 ** 20, 1);
