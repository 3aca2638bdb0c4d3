// The command hands a channel on where it has one itself.
import { fork } from 'node:child_process';
import path from 'node:path';

fork(path.resolve('../../node_modules/.bin/babel-node'), ['echo.mjs']).on('message', message =>
  console.log(message),
);
