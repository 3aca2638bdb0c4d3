// Starts a daemon and ends, as a process manager does.
import { spawn } from 'node:child_process';

const daemon = spawn('sleep', ['3'], { detached: true, stdio: 'ignore' });
daemon.unref();
