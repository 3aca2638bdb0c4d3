// A preload that loads the modules of Node that closefds needs and maps the addon, which no code uses: the floor of a
// guard that is made of these. BENCH_ADDON names the addon.
require('node:child_process');
require('node:module');
require('node:worker_threads');
process.dlopen({ exports: {} }, process.env.BENCH_ADDON);
