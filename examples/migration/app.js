// A small service with the usual ingredients: a database, a converter, a signature, a report.

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { ClassicLevel } from 'classic-level';
import { withFds } from 'closefds';
import { execa } from 'execa';
import { Converter } from 'ffmpeg-stream';
import icedSpawn from 'iced-spawn';

const database = new ClassicLevel('data/depot.db');
await database.open();
await database.put('film-1', 'a film');

console.log(`preview: ${await preview()}`);
console.log(`signature: ${await sign('film-1', 'the passphrase')}`);
console.log(`report: ${await report()}`);
console.log(`index: ${await index()}`);

await database.close();

/** ffmpeg-stream has ffmpeg write to pipe:3. */
async function preview() {
  const converter = new Converter();
  converter.createInputFromFile('film.mp4');
  const output = converter.createOutputStream({ f: 'image2' });
  const [image] = await Promise.all([text(output), converter.run()]);
  return image.trim();
}

/** iced-spawn has gpg read the passphrase from FD 3. */
async function sign(key, passphrase) {
  const value = await database.get(key);
  return new Promise((resolve, reject) => {
    icedSpawn.run(
      {
        name: 'gpg',
        args: ['--passphrase-fd', '3', '--detach-sign'],
        stdin: new icedSpawn.BufferInStream(Buffer.from(value)),
        other_fds: { 3: new icedSpawn.BufferInStream(Buffer.from(passphrase)) },
      },
      (error, output) => (error ? reject(error) : resolve(String(output).trim())),
    );
  });
}

/** Our own code: the report writes its log to a file that we opened. */
async function report() {
  const log = openSync('data/report.log', 'a');
  const child = spawn('report', ['--log-fd', '3'], withFds({}, { 3: log }));
  closeSync(log);
  return (await text(child.stdout)).trim();
}

/** Needs nothing but stdio. */
async function index() {
  const { stdout } = await execa('indexer');
  return stdout;
}
