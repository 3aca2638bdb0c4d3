import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'jest-worker';

writeFileSync('task.cjs', 'exports.double = number => number * 2;');
const worker = new Worker(path.resolve('task.cjs'), { exposedMethods: ['double'], numWorkers: 1 });
console.log(await worker.double(21));
await worker.end();
