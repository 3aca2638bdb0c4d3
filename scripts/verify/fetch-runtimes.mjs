// Real binaries of Bun and Deno, from npm, for the tests that try closefds there: all, or those named.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSIONS = { bun: '1.4.5', deno: '2.9.6' };
const CACHE = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '.cache', 'runtimes');

const { platform, arch } = process;
const binaries = {
  bun: path.join('@oven', `bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}`, 'bin', 'bun'),
  deno: path.join('@deno', `${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`, 'deno'),
};

const wanted = process.argv.slice(2);
for (const [name, version] of Object.entries(VERSIONS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const folder = path.join(CACHE, `${name}-${version}`);
  const binary = path.join(folder, 'node_modules', binaries[name]);
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    const options = [
      '--no-save',
      '--no-package-lock',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--silent',
    ];
    execFileSync('npm', ['install', '--prefix', folder, ...options, `${name}@${version}`], { cwd: folder });
  }
  console.log(`${name}\t${version}\t${binary}`);
}
