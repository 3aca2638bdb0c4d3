import pty from '@lydell/node-pty';
import { printChildFds } from './child-fds.mjs';

const terminal = pty.spawn('sleep', ['60'], {});
printChildFds();
terminal.kill();
process.exit();
