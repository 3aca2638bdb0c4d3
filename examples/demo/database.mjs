// Opens a LevelDB database, as a server would, and starts a program that has nothing to do with it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ClassicLevel } from 'classic-level';

const folder = mkdtempSync(path.join(tmpdir(), 'customers-'));
const database = new ClassicLevel(folder);
await database.put('card:alice', '4111-1111-1111-1111');

// The folder is closed to others (0700). The child is given away to nobody, if we may do that.
const nobody = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};
const look = `
  for link in /proc/self/fd/*; do
    file=$(readlink "$link") || continue
    case "$file" in "$1"/*) ;; *) continue ;; esac
    flags=$(grep '^flags:' "/proc/self/fdinfo/\${link##*/}")
    case "$flags" in *[12]) may=writable ;; *) may=readable ;; esac
    echo "FD \${link##*/}: \${file##*/} ($may)"
    grep -aoh 'card:[a-z]*.*[0-9]\\{4\\}' "$link" 2>/dev/null | tr -cd '[:print:]' | sed 's/^/  it reads: /; s/$/\\n/'
  done`;
const child = spawnSync('sh', ['-c', look, 'sh', folder], { ...nobody, cwd: '/', encoding: 'utf8' });
process.stdout.write(child.stdout || 'no file of the database\n');
process.stderr.write(child.stderr);

await database.close();
rmSync(folder, { recursive: true });
