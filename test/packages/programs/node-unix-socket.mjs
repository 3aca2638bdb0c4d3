import { DgramSocket } from 'node-unix-socket';
import { printChildFds } from './child-fds.mjs';

const socket = new DgramSocket(() => {});
socket.bind(`${process.env.TMPDIR}/socket`);
printChildFds();
socket.close();
process.exit();
