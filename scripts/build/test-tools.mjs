// Compiles the programs and the addon that the tests use, into build/.
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { include_dir: headers } = createRequire(import.meta.url)('node-api-headers');
const build = path.join(root, 'build');
mkdirSync(build, { recursive: true });

const library = ['-shared', '-fPIC', '-isystem', headers, '-DNAPI_VERSION=8'];
compile('list-fds.c', 'list-fds', ['-static']);
compile('list-all-fds.c', 'list-all-fds', ['-static', '-Wno-format-nonliteral']);
compile('clean-exec.c', 'clean-exec', ['-static']);
compile('deny.c', 'deny', ['-static']);
compile('do-fds.c', 'do-fds', ['-pthread']);
compile('upstream.c', 'upstream', []);
compile('leak.c', 'leak.node', [...library, '-pthread']);
compile('no-atfork.c', 'no-atfork.so', library);
compile('failing-malloc.c', 'failing-malloc.so', [...library, '-ldl']);
compile('no_fds.c', 'no-fds', ['-static']);
compile('patcher.c', 'patcher.node', library);
compile('native_library.c', 'native-library.so', library);
// The three ways in which an object can hold its imports.
const ways = [...library, '-pthread', '-Wno-format-truncation'];
compile('native_ways.c', 'native-lazy.node', [...ways, '-Wl,-z,lazy']);
compile('native_ways.c', 'native-norelro.node', [...ways, '-Wl,-z,now,-z,norelro']);
compile('native_ways.c', 'native-noplt.node', [...ways, '-fno-plt', '-Wl,-z,now,-z,relro']);

function compile(source, output, flags) {
  const from = path.join(root, 'test', 'native', source);
  const all = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-Wno-deprecated-declarations', ...flags];
  const file = path.join(build, output);
  // Renamed when it is whole: a test that is running may start the one that was there.
  const whole = `${file}.${process.pid}`;
  execFileSync(process.env.CC ?? 'cc', [...all, '-o', whole, from], { stdio: 'inherit' });
  renameSync(whole, file);
}
