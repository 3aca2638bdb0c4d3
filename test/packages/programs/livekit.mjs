import { AudioSource, LocalAudioTrack } from '@livekit/rtc-node';
import { printChildFds } from './child-fds.mjs';

const source = new AudioSource(48_000, 1);
LocalAudioTrack.createAudioTrack('track', source);
printChildFds();
process.exit();
