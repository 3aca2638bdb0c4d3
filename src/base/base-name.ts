/** The last part of a path or command, which rules match: `node` of `/usr/bin/node`. */
export function baseName(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1);
}
