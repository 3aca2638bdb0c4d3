// npm run build:sbom: what is in the package and what it installs, as a CycloneDX file.
//
// npm's own list leaves out a dependency that a development tool has as well, and takes what is
// bundled into dist/ for a development tool; so the choice is made here. Without serial number and
// time, the same package gives the same file.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { name, version } = readJson('package.json');

const bom = npmBom();
const installed = new Set(installedPackages());
const bundled = new Set(bundledPackages());
bom.components = bom.components
  .filter(({ name }) => installed.has(name) || bundled.has(name))
  .map(component => ({
    ...component,
    scope: 'required',
    properties: bundled.has(component.name) ? [{ name: 'bundled', value: 'true' }] : [],
  }));
const listed = new Set(bom.components.map(component => component['bom-ref']));
bom.dependencies = bom.dependencies
  .filter(({ ref }) => listed.has(ref) || ref === bom.metadata.component['bom-ref'])
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(each => listed.has(each)) }));
bom.components.sort((a, b) => a['bom-ref'].localeCompare(b['bom-ref']));
delete bom.serialNumber;
delete bom.metadata.timestamp;
// npm takes the folder's name.
bom.metadata.component.name = name;
bom.metadata.component.version = version;

const file = path.join(root, 'sbom.cdx.json');
writeFileSync(file, `${JSON.stringify(bom, null, 2)}\n`);
console.log(
  `${path.relative('.', file)}: ${bom.components.map(component => component['bom-ref']).join(', ')}`,
);

function npmBom() {
  const args = ['sbom', '--sbom-format=cyclonedx', '--package-lock-only'];
  return JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 }));
}

/** What comes along with an installation. */
function installedPackages() {
  return Object.entries(readJson('package-lock.json').packages)
    .filter(([place, { dev, devOptional }]) => place !== '' && !dev && !devOptional)
    .map(([place]) => place.replace(/^.*node_modules\//, ''));
}

/** The packages whose files end up in the bundles that have any: see scripts/build/build.mjs. */
function bundledPackages() {
  const { metafile } = esbuild.buildSync({
    entryPoints: ['scan/index.ts', 'cli/json-edit.ts'].map(file => path.join(root, 'src', file)),
    outdir: 'nowhere',
    write: false,
    bundle: true,
    metafile: true,
    external: Object.keys(readJson('package.json').dependencies).flatMap(each => [each, `${each}/*`]),
    platform: 'node',
    absWorkingDir: root,
    logLevel: 'warning',
  });
  return Object.keys(metafile.inputs).flatMap(input => {
    const [, scoped] = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(input) ?? [];
    return scoped === undefined ? [] : [scoped];
  });
}

function readJson(relative) {
  return JSON.parse(readFileSync(path.join(root, relative), 'utf8'));
}
