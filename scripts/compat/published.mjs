// Published packages: what versions there are, and what files stand in their tarballs.
//
// Everything comes through npm, so the registry, proxies and credentials are those of npm's own config.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

const run = promisify(execFile);

const PACKAGE = /^((?:@[a-z0-9~][\w.~-]*\/)?[a-z0-9~][\w.~-]*)(?:@(\d+\.\d+\.\d+[\w.+-]*))?$/i;

/** Reads `NAME` or `NAME@1.2.3`; nothing for ranges, tags, folders and addresses, whose content changes. */
export function parsePackage(text) {
  const [, name, version] = PACKAGE.exec(text) ?? [];
  return name === undefined ? undefined : { name, version };
}

/** Reads packages; tarballs are kept in `cache`, and nothing else is written. */
export function createPublished(cache) {
  const versions = new Map();

  return {
    /** All versions, and the one `latest` points to. */
    versions(name) {
      if (!versions.has(name)) versions.set(name, view(name));
      return versions.get(name);
    },
    fetch,
    tarball,
    tarballFile,
  };

  /** Fetches what is not there yet, many with one npm, which takes longer to start than to fetch. */
  async function fetch(wanted) {
    const missing = new Map();
    for (const { name, version } of wanted) {
      const folder = folderOf(name, version);
      if (kept(folder) === undefined) missing.set(`${name}@${version}`, folder);
    }
    const specs = [...missing.keys()];
    for (let at = 0; at < specs.length; at += 20) {
      const part = specs.slice(at, at + 20);
      // If one of them cannot be had, `tarball` will say so of that one alone.
      await pack(part.map(spec => ({ spec, folder: missing.get(spec) }))).catch(() => {});
    }
  }

  /** Where the tarball lies, once it was fetched. */
  async function tarballFile(name, version) {
    const folder = folderOf(name, version);
    if (kept(folder) === undefined) await pack([{ spec: `${name}@${version}`, folder }]);
    return path.join(folder, readdirSync(folder)[0]);
  }

  function folderOf(name, version) {
    return path.join(cache, 'tarballs', `${name}@${version}`);
  }

  /** `{ integrity, files }`: the tarball's sha512, and its text by path. */
  async function tarball(name, version) {
    const folder = folderOf(name, version);
    if (kept(folder) === undefined) await pack([{ spec: `${name}@${version}`, folder }]);
    const packed = kept(folder);
    return {
      integrity: `sha512-${createHash('sha512').update(packed).digest('base64')}`,
      files: untar(gunzipSync(packed)),
    };
  }
}

async function view(name) {
  const found = JSON.parse(await npm(['view', name, 'versions', 'dist-tags', '--json']));
  return { all: [found.versions].flat(), latest: found['dist-tags'].latest };
}

function kept(folder) {
  try {
    const [file] = readdirSync(folder);
    return file === undefined ? undefined : readFileSync(path.join(folder, file));
  } catch {
    return undefined;
  }
}

async function pack(wanted) {
  // Into another folder first: a fetch that was interrupted must not look like a tarball.
  const unfinished = `${wanted[0].folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    const specs = wanted.map(({ spec }) => spec);
    await npm(['pack', ...specs, '--ignore-scripts', '--loglevel=error', '--pack-destination', unfinished]);
    for (const { spec, folder } of wanted) {
      // npm names the file so; what it prints differs between its versions.
      const file = `${spec
        .replace(/^@/, '')
        .replace('/', '-')
        .replace(/@([^@]+)$/, '-$1')}.tgz`;
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      renameSync(path.join(unfinished, file), path.join(folder, file));
    }
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

async function npm(args) {
  try {
    const { stdout } = await run('npm', args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
    return stdout;
  } catch (error) {
    const { code, text } = complaint(error);
    throw Object.assign(new Error(text, { cause: error }), { isGone: GONE.has(code) });
  }
}

/** npm's codes for a package or a version that the registry does not have. All others may be a matter of the network. */
const GONE = new Set(['E404', 'ETARGET']);

/** npm's code, and the line in which npm says what it is: `404 Not Found - GET ...`. npm before 10.6 writes `ERR!`. */
function complaint({ stderr = '', message }) {
  const [, code, text] = /^npm (?:error|ERR!) code (.*)\nnpm (?:error|ERR!) (.*)/m.exec(stderr) ?? [];
  return { code, text: (text ?? message.split('\n', 1)[0]).replace(/\.$/, '') };
}

/** Regular files of a tar archive, as npm makes them: ustar, with pax records for long paths. */
function untar(archive) {
  const files = new Map();
  let longPath;
  for (let at = 0; at + 512 <= archive.length; ) {
    const header = archive.subarray(at, at + 512);
    if (header.every(byte => byte === 0)) break;
    const text = (from, to) => header.toString('utf8', from, to).split('\0', 1)[0];
    const size = Number.parseInt(text(124, 136).trim(), 8) || 0;
    const body = archive.subarray(at + 512, at + 512 + size);
    const type = text(156, 157);
    if (type === 'x') longPath = /^\d+ path=(.*)$/m.exec(body.toString('utf8'))?.[1];
    else if (type === 'L') longPath = body.toString('utf8').split('\0', 1)[0];
    else {
      const prefix = text(257, 262) === 'ustar' ? text(345, 500) : '';
      const name = longPath ?? (prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`);
      longPath = undefined;
      // The first folder is `package/` by custom only; npm strips whatever it is.
      if (type === '0' || type === '') files.set(name.split('/').slice(1).join('/'), body.toString('utf8'));
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

/** Writes atomically enough for one person at a keyboard: the old file stays until the new one is whole. */
export function replaceFile(file, text) {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

/** Calls `work` for each item, `limit` at a time. */
export async function inParallel(items, limit, work) {
  const waiting = [...items];
  const next = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, next));
}
