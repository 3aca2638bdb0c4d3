// npm run build:schemas: config.schema.json and finding.schema.json, out of the declarations in src.
//
//   npm run build:schemas [-- --check]
//
// `--check` writes nothing and fails if a file is not up to date.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const require = createRequire(import.meta.url);
const built = name => require(path.join(root, 'dist', 'src', `${name}.js`));

const { check } = parseArgs({ options: { check: { type: 'boolean', default: false } } }).values;

write('config.schema.json', built('policy/config-schema').configSchema());
write('finding.schema.json', built('findings/finding-schema').findingSchema());

function write(name, schema) {
  const file = path.join(root, name);
  const text = formatted(name, JSON.stringify(schema));
  if (!check) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${name} is not up to date: run npm run build && npm run build:schemas`);
    process.exitCode = 1;
  }
}

/** As the linter wants it. */
function formatted(name, text) {
  const biome = path.join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  const args = [biome, 'format', `--stdin-file-path=${name}`];
  return execFileSync(process.execPath, args, { cwd: root, input: text, encoding: 'utf8' });
}
