// The lock file has no registry URLs: the user's npm config decides the registry.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ROOT } from '../support/run';

const text = readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8');

test('names no registry', t => {
  const addresses = [...text.matchAll(/^ *"([^"]+)": "\w+:\/\/[^"]*"/gm)].map(([, key]) => key);
  // `url` is where a package's authors ask for donations.
  t.deepEqual([...new Set(addresses)], ['url']);
});

// Builds of a tool for other systems have none if they were not there to look at when it was locked.
test('has a digest of each package, so no registry can give another', t => {
  const { packages } = JSON.parse(text) as { packages: Record<string, Package> };
  const without = Object.entries(packages).filter(([, { integrity, optional }]) => !integrity && !optional);
  t.deepEqual(
    without.map(([name]) => name),
    [''],
  );
});

interface Package {
  readonly integrity?: string;
  readonly optional?: boolean;
}
