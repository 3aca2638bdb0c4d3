// ffmpeg itself: sound through pipe:3 and pipe:4, as it went in.
import { buffer } from 'node:stream/consumers';
import { Converter } from 'ffmpeg-stream';

const sound = Buffer.from(Array.from({ length: 8000 }, (_, index) => index % 251));
const format = { f: 's16le', ar: '8000', ac: '1' };
const converter = new Converter(process.env.FFMPEG);
const input = converter.createInputStream(format);
const output = converter.createOutputStream(format);
const running = converter.run();
input.end(sound);
if (!sound.equals(await buffer(output))) throw new Error('the sound is another');
await running;
