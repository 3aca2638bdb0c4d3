// Where the package has the native files of this system that the command line uses.

import path = require('node:path');

import { DIST } from './dist-folder';

/** The absolute path of `prebuilds/SYSTEM/NAME.LIBC.EXTENSION`, for the C library of this process. */
export function prebuiltFile(name: string, extension: string): string {
  const { header } = process.report.getReport() as unknown as {
    readonly header: { readonly glibcVersionRuntime?: string };
  };
  const libc = header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
  const folder = path.join(path.dirname(DIST), 'prebuilds', `${process.platform}-${process.arch}`);
  return path.join(folder, `${name}.${libc}.${extension}`);
}
