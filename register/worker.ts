// Not for users: what src/hooks/worker.ts makes a worker load. No program names this file, so a
// worker can tell what was added to its options, and take it out again.

import { install } from '../src/preload/install';

install();
