import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import json from '@rollup/plugin-json';
import { rollup } from 'rollup';
import { recipe, tell, writeApp } from './bundle.mjs';

writeApp();
writeFileSync('app/rollup.config.js', recipe('Rollup'));
const { output, ...config } = createRequire(path.resolve('app/x'))('./rollup.config.js');
process.chdir('app');
const quietly = { onwarn: () => {} };
await (await rollup({ ...config, ...quietly })).write(output);
const plugins = [...config.plugins, json()];
const inlined = await rollup({ ...config, ...quietly, external: [], plugins });
await inlined.write({ ...output, file: 'dist/inlined.js' });
process.chdir('..');
tell('app.js', 'inlined.js');
