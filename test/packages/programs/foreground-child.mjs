// It hands a channel on where it has one itself, so it is run in a child that has one.
import { fork } from 'node:child_process';

fork('foreground-child-inner.mjs').on('message', message => console.log(message));
