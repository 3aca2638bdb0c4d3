// A profile of a program, collected and not drawn.
import { readdirSync, writeFileSync } from 'node:fs';
import zeroX from '0x';

writeFileSync('program.cjs', 'let sum = 0; for (let i = 0; i < 1e6; i++) sum += i;');
await zeroX({
  argv: ['program.cjs'],
  workingDir: process.cwd(),
  collectOnly: true,
  outputDir: 'profile',
  pathToNodeBinary: process.execPath,
});
console.log(readdirSync('profile').some(name => name.includes('isolate')) ? 'profile' : 'nothing');
