// What a file has to look like for NODE_OPTIONS to load it.

/** A backslash stands for what follows it only within quotes. */
export function requireFlag(file: string): string {
  const quoted = file.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  return `--require "${quoted}"`;
}
