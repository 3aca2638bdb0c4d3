// The folders and tarballs that are scanned, and how their files are named in the result.

import fs = require('node:fs');
import path = require('node:path');

import { isWithin } from './walk';

export class Roots {
  /** Real paths, in the order in which they were given. */
  readonly paths: readonly string[];
  private readonly tarballs: ReadonlySet<string>;

  constructor(given: readonly string[]) {
    this.paths = given.map(root => fs.realpathSync(root));
    this.tarballs = new Set(this.paths.filter(root => !fs.statSync(root).isDirectory()));
  }

  isTarball(root: string): boolean {
    return this.tarballs.has(root);
  }

  /** The root that a file is in. */
  of(file: string): string {
    return this.paths.find(root => isWithin(file, root)) ?? this.paths[0] ?? file;
  }

  /** A file as the result names it: relative to the root, if there is only one. */
  shown(file: string): string {
    const root = this.of(file);
    if (this.isTarball(root)) return path.join(path.basename(root), path.relative(root, file));
    return isWithin(file, root) && this.paths.length === 1 ? path.relative(root, file) : file;
  }
}
