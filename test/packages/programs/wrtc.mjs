import wrtc from '@roamhq/wrtc';
import { printChildFds } from './child-fds.mjs';

// Its sockets are as many as the machine has addresses: without an offer, it opens none.
const connection = new wrtc.RTCPeerConnection();
connection.createDataChannel('channel');
printChildFds();
connection.close();
process.exit();
