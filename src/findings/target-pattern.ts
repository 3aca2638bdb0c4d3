// Replaces the parts of a target that differ from process to process: for a reader of a report `pipe:[81]` and
// `pipe:[82]` are the same target. The pattern is a glob, as in rules, that matches the target.

/** `/tmp/app-Xa3x9Q`: names by mkdtemp() and mkstemp(). Six small letters are more often a word. */
const TEMPORARY = /^(\/(?:var\/)?tmp\/|\/dev\/shm\/)(.+)$/s;
const RANDOM_END = /([-._])(?=[A-Za-z]*[A-Z0-9])[A-Za-z0-9]{6}(?=[/.]| \(deleted\)$|$)/g;

const UUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi;
/** A database's file number, a date or a time in a name. */
const LONG_NUMBER = /\d{6,}/g;

export function targetPattern(target: string, pid: number): string {
  // pipe:[81], socket:[7], mnt:[4026531840], anon_inode:[eventfd:12]
  if (!target.startsWith('/')) return target.replace(/\d+\]$/, '*]');
  return withoutPid(target, pid)
    .replace(/^\/proc\/\d+/, '/proc/*')
    .replace(/^\/dev\/pts\/\d+/, '/dev/pts/*')
    .replace(UUID, '*')
    .replace(TEMPORARY, (_, folder: string, rest: string) => folder + rest.replace(RANDOM_END, '$1*'))
    .replace(LONG_NUMBER, '*');
}

/** `/run/app.1234.sock` of process 1234. Keeps a pid of one digit (in a container), which may be any number. */
export function withoutPid(text: string, pid: number): string {
  if (pid < 10 || !text.includes(String(pid))) return text;
  return text.replace(/\d+/g, number => (number === String(pid) ? '*' : number));
}
