// Real binaries of Node, one for each version that is supported, from npm.
//
// They are kept in .cache/nodes; remove a version's folder there to get a newer release of it.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

export const MAJORS = [18, 20, 22, 24, 26];

export const OLDEST = MAJORS[0];
export const NEWEST = MAJORS.at(-1);

/**
 * The majors that a suite runs on, by its arguments: the given ones, all with `--all`, and those of the suite
 * otherwise. `npm test` runs on the Node of .nvmrc, and the weekly workflow on all.
 */
export function majorsOf(args, ofSuite) {
  const given = args.filter(arg => /^\d+$/.test(arg)).map(Number);
  if (given.length > 0) return given;
  return args.includes('--all') ? MAJORS : ofSuite;
}

const CACHE = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '.cache', 'nodes');

/** Returns the binary of each version, keyed by the version as the binary itself tells it. */
export async function fetchNodes(majors = MAJORS) {
  const nodes = new Map();
  for (const major of majors) {
    const binary = await fetchNode(major);
    nodes.set(execFileSync(binary, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim(), binary);
  }
  return nodes;
}

/** Another architecture's is for qemu to run. */
export async function fetchNode(major, arch = process.arch) {
  const name = `node-${process.platform}-${arch}`;
  const folder = path.join(CACHE, String(major));
  const binary = path.join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;

  mkdirSync(folder, { recursive: true });
  const options = [
    '--prefix',
    folder,
    '--no-save',
    '--no-package-lock',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    // npm refuses packages for another architecture.
    ...(arch === process.arch ? [] : ['--force']),
  ];
  try {
    await promisify(execFile)('npm', ['install', ...options, `${name}@${major}`], { cwd: folder });
  } catch (error) {
    throw new Error(
      `Node ${major} could not be fetched from npm as ${name}@${major}: ${error.stderr || error.message}`,
      {
        cause: error,
      },
    );
  }
  return binary;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [version, binary] of await fetchNodes()) console.log(`${version}\t${binary}`);
}
