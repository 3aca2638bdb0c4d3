// node stray-scan.js FDS: milliseconds of processor time of a scan of the FD table, by the addon and in JavaScript.

const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..', '..');
const { loadStrayGuard } = require(path.join(root, 'dist', 'src', 'strays', 'native-guard.js'));
const { createFallbackGuard } = require(path.join(root, 'dist', 'src', 'strays', 'fallback-guard.js'));
const { cpu } = require(path.join(root, 'build', 'usage.node'));

for (let i = 0; i < Number(process.argv[2]); i++) fs.openSync('/dev/null');

function measure(guard, looks) {
  guard.list(true);
  return Array.from({ length: looks }, () => {
    const before = cpu();
    guard.list(true);
    return cpu() - before;
  });
}

process.stdout.write(
  JSON.stringify({ addon: measure(loadStrayGuard(root), 50), fallback: measure(createFallbackGuard(), 5) }),
);
