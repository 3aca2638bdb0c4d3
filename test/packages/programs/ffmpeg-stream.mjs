// With a stand-in for ffmpeg: what is tested is who gets which pipe, not the codecs.
import { writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { Converter } from 'ffmpeg-stream';

writeFileSync('ffmpeg', '#!/bin/sh\ncat <&3 >&4\n', { mode: 0o755 });
const converter = new Converter('./ffmpeg');
const input = converter.createInputStream({ f: 'data' });
const output = converter.createOutputStream({ f: 'data' });
const running = converter.run();
input.end('hello');
console.log(await text(output));
await running;
