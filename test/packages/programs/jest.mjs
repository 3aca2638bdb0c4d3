import { existsSync, readFileSync } from 'node:fs';
import { bodyWith, runTests } from './run-tests.mjs';

const spec = `const childProcess = require('node:child_process');
const { writeFileSync } = require('node:fs');
test('spies', async () => {${bodyWith(`jest.spyOn(childProcess, 'spawn');`)}});`;
runTests('jest', 'bin/jest.js', ['--runInBand', '--rootDir', '.', '--runTestsByPath', 'spec.cjs'], {
  'spec.cjs': spec,
});
if (existsSync('said')) console.log(readFileSync('said', 'utf8'));
