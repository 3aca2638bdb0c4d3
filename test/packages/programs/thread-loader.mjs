// Builds with a loader that runs in a worker of thread-loader's; jobs and results go over FD 3 and 4.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import webpack from 'webpack';

mkdirSync('src');
writeFileSync('src/index.js', 'console.log("WORD");');
writeFileSync(
  'loader.cjs',
  'module.exports = source => source.replace("WORD", process.ppid === Number(process.env.BUILD) ? "hello" : "here");',
);
process.env.BUILD = String(process.pid);
const compiler = webpack({
  mode: 'development',
  devtool: false,
  context: path.resolve('src'),
  entry: './index.js',
  output: { path: path.resolve('out'), filename: 'out.js' },
  module: {
    rules: [
      {
        test: /\.js$/,
        use: [
          { loader: 'thread-loader', options: { workers: 1, poolTimeout: 0 } },
          { loader: path.resolve('loader.cjs') },
        ],
      },
    ],
  },
});
compiler.run((error, stats) => {
  if (error || stats.hasErrors()) throw error ?? new Error(stats.toString());
  process.stdout.write(spawnSync(process.execPath, ['out/out.js'], { encoding: 'utf8' }).stdout);
});
