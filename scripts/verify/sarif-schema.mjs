// npm run verify:sarif-schema: puts the standard's schema of SARIF 2.1.0 into .cache, for test/scan/sarif.test.ts.
//
// It comes from a published package, as everything else that is fetched here; the standard's own
// file is the same in an older dialect of JSON Schema.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPublished } from '../compat/published.mjs';

const PACKAGE = { name: 'schemastore', version: '0.2.2', file: 'schemas/json/sarif-2.1.0.json' };
const INTEGRITY =
  'sha512-cpmpWDZnc58zpa39FYCDnsFZSUuVWLi+dUsQWzMvBbJ9oq7HDItEA+4voF7qGFgcfEjY4I7qWh6+BKc5JeE70A==';

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '.cache');
const { integrity, files } = await createPublished(folder).tarball(PACKAGE.name, PACKAGE.version);
if (integrity !== INTEGRITY)
  throw new Error(`${PACKAGE.name}@${PACKAGE.version}: expected ${INTEGRITY}, found ${integrity}`);
const schema = JSON.parse(files.get(PACKAGE.file));
if (schema.definitions?.result === undefined) throw new Error(`${PACKAGE.file}: expected SARIF's schema`);
mkdirSync(folder, { recursive: true });
writeFileSync(path.join(folder, 'sarif-schema-2.1.0.json'), JSON.stringify(schema));
