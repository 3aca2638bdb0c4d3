// Lists the packages that are installed for a folder, with their versions.
//
// npm's nested folders, pnpm's store (`node_modules/.pnpm/*/node_modules`), workspaces (links), and
// Yarn PnP, which has no node_modules but a map of them in .pnp.cjs or .pnp.data.json.

import fs = require('node:fs');
import path = require('node:path');

/** Folder name -> its versions, sorted; undefined without any installation. */
export function installedPackages(root: string): ReadonlyMap<string, readonly string[]> | undefined {
  const found = new Map<string, Set<string>>();
  const any = eachPackage(root, (name, version) =>
    found.set(name, (found.get(name) ?? new Set()).add(version)),
  );
  return any ? new Map([...found].map(([name, versions]) => [name, [...versions].sort()])) : undefined;
}

/** The folders of a package, in all its versions. Empty for Yarn PnP, which keeps packages in archives. */
export function foldersOfPackage(root: string, wanted: string): string[] {
  const folders: string[] = [];
  eachPackage(root, (name, _, folder) => {
    if (name === wanted && folder !== undefined) folders.push(folder);
  });
  return folders;
}

type OnPackage = (name: string, version: string, folder?: string) => void;

/** Returns whether there is an installation. */
function eachPackage(root: string, add: OnPackage): boolean {
  const seen = new Set<string>();
  let any = false;

  for (let folder = root; ; folder = path.dirname(folder)) {
    const map = pnpMap(folder);
    if (map !== undefined) {
      any = true;
      for (const [name, version] of map) add(name, version);
      break;
    }
    visit(path.join(folder, 'node_modules'));
    if (path.dirname(folder) === folder) break;
  }
  return any;

  function visit(modules: string): void {
    const real = attempt(() => fs.realpathSync(modules));
    if (real === undefined || seen.has(real)) return;
    seen.add(real);
    any = true;
    for (const entry of namesIn(real)) {
      if (entry.startsWith('@'))
        for (const name of namesIn(path.join(real, entry))) visitPackage(real, `${entry}/${name}`);
      else if (entry === '.pnpm')
        for (const store of namesIn(path.join(real, entry)))
          visit(path.join(real, entry, store, 'node_modules'));
      else if (!entry.startsWith('.')) visitPackage(real, entry);
    }
  }

  function visitPackage(modules: string, name: string): void {
    const folder = path.join(modules, name);
    const manifest = attempt(
      () => JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')) as { version?: unknown },
    );
    if (manifest === undefined) return;
    add(name, typeof manifest.version === 'string' ? manifest.version : '', folder);
    visit(path.join(folder, 'node_modules'));
  }
}

function namesIn(folder: string): string[] {
  return attempt(() => fs.readdirSync(folder).sort()) ?? [];
}

interface PnpState {
  readonly packageRegistryData: readonly (readonly [
    string | null,
    readonly (readonly [string | null, unknown])[],
  ])[];
}

/** The map is a literal in a program; this reads the text and does not run it. */
function pnpMap(folder: string): [string, string][] | undefined {
  const state = attempt(() => pnpState(folder));
  return state?.packageRegistryData.flatMap(([name, references]) =>
    references.flatMap(([reference]): [string, string][] => {
      const version = /(?:^|#)npm:(\d[^#]*)$/.exec(reference ?? '')?.[1];
      return name === null || version === undefined ? [] : [[name, version]];
    }),
  );
}

function pnpState(folder: string): PnpState | undefined {
  const data = path.join(folder, '.pnp.data.json');
  if (fs.existsSync(data)) return JSON.parse(fs.readFileSync(data, 'utf8')) as PnpState;
  const program = fs.readFileSync(path.join(folder, '.pnp.cjs'), 'utf8');
  const literal = /RAW_RUNTIME_STATE =\s*'((?:[^'\\]|\\[\s\S])*)'/.exec(program)?.[1];
  if (literal === undefined) return undefined;
  // A JavaScript string in single quotes: a backslash continues a line, and JSON's escapes are escaped again.
  return JSON.parse(
    literal.replace(/\\([\s\S])/g, (_, escaped: string) => (escaped === '\n' ? '' : escaped)),
  ) as PnpState;
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
