// Folds compat/packages/ into the one file the preload reads.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export function buildCompat(root) {
  const folder = path.join(root, 'compat', 'packages');
  const rules = [];
  const launchers = [];
  for (const file of readdirSync(folder, { recursive: true, withFileTypes: false }).sort()) {
    if (!file.endsWith('.json')) continue;
    const entry = JSON.parse(readFileSync(path.join(folder, file), 'utf8'));
    for (const passes of entry.passes ?? [])
      rules.push(toRule(entry.package, passes, `compat/packages/${file}`));
    if (entry.launches !== undefined) launchers.push(entry.package);
  }
  mkdirSync(path.join(root, 'dist', 'compat'), { recursive: true });
  writeFileSync(path.join(root, 'dist', 'compat', 'index.json'), JSON.stringify({ rules, launchers }));
}

function toRule(caller, { range, kinds, fds, command, purpose }, source) {
  return { caller, range, kinds, fds, command, effect: 'allow', reason: purpose, source, compat: true };
}
