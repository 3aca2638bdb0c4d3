// Folds compat/packages/ into the file that is read at run time, and the evidence into one for the commands.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export function buildCompat(root) {
  const folder = path.join(root, 'compat', 'packages');
  const index = { rules: [], launchers: [], strays: [], starts: [] };
  const facts = {};
  for (const file of readdirSync(folder, { recursive: true }).sort()) {
    if (!file.endsWith('.json')) continue;
    const table = JSON.parse(readFileSync(path.join(folder, file), 'utf8'));
    const source = `compat/packages/${file.split(path.sep).join('/')}`;
    const { package: name } = table;
    facts[name] = toFacts(table);

    for (const entry of table.passes ?? []) index.rules.push(...toRules(name, entry, source));
    if (table.launches !== undefined) index.launchers.push(name);
    for (const { range, target, type, access, purpose } of table.strays ?? [])
      index.strays.push({ package: name, range: openEnded(range), target, type, access, purpose, source });
    for (const { range, exports } of table.starts ?? [])
      index.starts.push({ package: name, range, exports, source });
  }
  mkdirSync(path.join(root, 'dist', 'compat'), { recursive: true });
  writeFileSync(
    path.join(root, 'dist', 'compat', 'native-spawners.json'),
    JSON.stringify(toNativeSpawners(index.starts)),
  );
  writeFileSync(path.join(root, 'dist', 'compat', 'index.json'), JSON.stringify(index));
  writeFileSync(path.join(root, 'dist', 'compat', 'facts.json'), JSON.stringify(facts));
}

/** What `closefds compat` prints: without the hashes and texts, which only the check of the evidence needs. */
function toFacts(table) {
  const place = ({ version, file, line, checked, exercised }) => ({
    version,
    file,
    line,
    checked,
    exercised,
  });
  return ['passes', 'launches', 'strays', 'starts'].flatMap(does =>
    (table[does] ?? []).map(({ evidence, ends, ...entry }) => ({
      does,
      ...entry,
      ...(ends && { ends: { version: ends.version, why: ends.why } }),
      evidence: evidence.map(place),
    })),
  );
}

/**
 * The names that each process looks out for from its start, apart and small: the preload's bundle
 * takes them in. Versions that were not checked yet get the same exports.
 */
function toNativeSpawners(starts) {
  const makers = {};
  for (const { package: name, exports } of starts)
    makers[name] = [...new Set([...(makers[name] ?? []), ...exports])];
  return makers;
}

/** What was published later very likely leaves the same open. */
function openEnded(range) {
  return range.replace(/ *<=\S+$/, '') || '*';
}

/**
 * Versions that were checked are allowed. What was published later very likely does the same, so it
 * passes and is reported (or what the config's "unverified" says), unless the entry says where it came to an end.
 */
function toRules(caller, entry, source) {
  const { range, kinds, fds, command, callSite, target, purpose, ends } = entry;
  const rule = {
    caller,
    range,
    kinds,
    fds,
    command,
    callSite,
    target,
    effect: 'allow',
    reason: purpose,
    source,
    compat: true,
  };
  // A channel is allowed by default: a warning about it would be noise.
  const reported = kinds.filter(kind => kind !== 'ipc');
  if (ends !== undefined || reported.length === 0) return [rule];

  const last = /<=(\S+)$/.exec(range)[1];
  return [rule, { ...rule, range: `>${last}`, kinds: reported, effect: 'warn', knownUpTo: last }];
}
