import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import webpack from 'webpack';
import { recipe, tell, writeApp } from './bundle.mjs';

writeApp();
writeFileSync('app/webpack.config.js', recipe('webpack'));
const config = createRequire(path.resolve('app/x'))('./webpack.config.js');
const build = promisify(webpack);
const context = path.resolve('app');
const folder = path.resolve('app/dist');
await build({ ...config, context, output: { ...config.output, path: folder } });
await build({ ...config, context, externals: [], output: { filename: 'inlined.js', path: folder } });
tell('app.js', 'inlined.js');
