// The command hands a channel on where it has one itself.
import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

writeFileSync(
  'typed.ts',
  'const text: string = "hello"; process.send ? process.send(text) : console.log("no channel");',
);
const command = createRequire(import.meta.url).resolve('tsx/cli');
fork(command, ['typed.ts']).on('message', message => {
  if (typeof message === 'string') console.log(message);
});
