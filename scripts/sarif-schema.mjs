// Fetches the standard's schema of SARIF 2.1.0 to .cache, for test/scan/sarif.test.ts: npm run sarif:schema
//
// No package on npm has it, and it is the standard's own text, so it is not kept here.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';
const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '.cache');

const response = await fetch(process.argv[2] ?? SCHEMA);
if (!response.ok) throw new Error(`${response.url}: ${response.status} ${response.statusText}`);
const schema = await response.json();
if (schema.definitions?.result === undefined) throw new Error(`${response.url}: expected SARIF's schema`);
mkdirSync(folder, { recursive: true });
writeFileSync(path.join(folder, 'sarif-schema-2.1.0.json'), JSON.stringify(schema));
