// Finds the package that a file belongs to, from the file's path.

export interface Location {
  readonly root: string;
  /** The folder's name; undefined where the package manager does not name folders after packages. */
  readonly name: string | undefined;
}

/** Takes the innermost `node_modules/<name>`: correct for npm, pnpm's store, Yarn's zips and unplugged folders. */
export function locate(file: string, separator: string): Location | undefined {
  const marker = `${separator}node_modules${separator}`;
  const at = file.lastIndexOf(marker);
  if (at === -1) return undefined;
  const [first = '', second, third] = file.slice(at + marker.length).split(separator);
  const below = (...parts: string[]) => file.slice(0, at) + marker + parts.join(separator);
  // Yarn's pnpm linker generates folder names: node_modules/.store/execa-npm-9.6.0-c1ae1efe39/package.
  if (first === '.store' && second !== undefined && third === 'package')
    return { name: undefined, root: below(first, second, third) };
  // .bin, .cache, .vite: tools generate these files for the app, so they belong to it.
  if (first.startsWith('.')) return undefined;
  const parts = first.startsWith('@') && second !== undefined ? [first, second] : [first];
  return { name: parts.join('/'), root: below(...parts) };
}
