// A flag of Node makes it start Node anew, which then needs the FD that the command line names.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const mocha = path.join(
  path.dirname(createRequire(import.meta.url).resolve('mocha/package.json')),
  'bin',
  'mocha.js',
);
writeFileSync('spec.cjs', 'it("works", () => {});');
const command = 'exec "$0" "$1" --stack-trace-limit=20 --reporter=dot /dev/fd/3 3<spec.cjs';
const output = execFileSync('bash', ['-c', command, process.execPath, mocha], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
console.log(/\d+ passing/.exec(output)?.[0]);
