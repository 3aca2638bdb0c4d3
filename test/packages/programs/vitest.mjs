import { existsSync, readFileSync } from 'node:fs';
import { bodyWith, runTests } from './run-tests.mjs';

const spec = `import { test, vi } from 'vitest';
import childProcess from 'node:child_process';
import { writeFileSync } from 'node:fs';
interface Unused { readonly a: string }
interface Other { readonly a: Unused }
test('spies', async () => {${bodyWith(`vi.spyOn(childProcess, 'spawn');`)}});`;
runTests('vitest', 'vitest.mjs', ['run', '--root', '.'], { 'spies.test.ts': spec });
if (existsSync('said')) console.log(readFileSync('said', 'utf8'));
