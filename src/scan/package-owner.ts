// The package that a file belongs to, and its version.

import fs = require('node:fs');
import path = require('node:path');

import { type Location, locate } from '../base/package-path';
import { APP } from '../model/caller';

export interface PackageOwner {
  /** The folder's name; `"."` for the app. */
  readonly name: string;
  readonly version: string | undefined;
  readonly declaredName: string | undefined;
  readonly root: string;
}

interface Manifest {
  readonly name?: unknown;
  readonly version?: unknown;
}

export interface PackageOwners {
  /** `root`: the folder or the archive that was scanned. */
  readonly ownerOf: (file: string, root: string) => PackageOwner;
  /** Adds a package.json that is in an archive. */
  readonly addManifest: (file: string, text: string) => void;
}

export function createPackageOwners(isTarball: (root: string) => boolean): PackageOwners {
  const texts = new Map<string, string>();
  const owners = new Map<string, PackageOwner>();
  return { ownerOf, addManifest: (file, text) => texts.set(file, text) };

  function ownerOf(file: string, root: string): PackageOwner {
    const location = isTarball(root) ? locateInTarball(file, root) : locate(file, path.sep);
    const folder = location?.root ?? root;
    let owner = owners.get(folder);
    if (owner === undefined) {
      owner = read(folder, location === undefined && !isTarball(root) ? APP : location?.name);
      owners.set(folder, owner);
    }
    return owner;
  }

  function read(root: string, name: string | undefined): PackageOwner {
    const json = manifest(path.join(root, 'package.json'));
    const declared = typeof json.name === 'string' ? json.name : undefined;
    // Rules see no version of the app, as at run time.
    const version = name !== APP && typeof json.version === 'string' ? json.version : undefined;
    const differs = name !== undefined && name !== APP && declared !== undefined && declared !== name;
    return {
      name: name ?? declared ?? path.basename(root),
      version,
      declaredName: differs ? declared : undefined,
      root,
    };
  }

  function manifest(file: string): Manifest {
    try {
      const json: unknown = JSON.parse(texts.get(file) ?? fs.readFileSync(file, 'utf8'));
      return typeof json === 'object' && json !== null ? json : {};
    } catch {
      return {};
    }
  }
}

/** Where a tarball is kept, perhaps in a package's folder, says nothing about the package in it. */
function locateInTarball(file: string, tarball: string): Location | undefined {
  const location = locate(file.slice(tarball.length), path.sep);
  return location && { ...location, root: tarball + location.root };
}
