// What an FD points to, without what differs from process to process: `pipe:[81]` and `pipe:[82]` are
// the same target to the reader of a report. The pattern is a glob of rules that fits the target.

/** `/tmp/app-Xa3x9Q`: what mkdtemp() and mkstemp() make. All small letters is a word more often. */
const TEMPORARY = /^(\/(?:var\/)?tmp\/|\/dev\/shm\/)(.+)$/s;
const RANDOM_END = /([-._])(?=[A-Za-z]*[A-Z0-9])[A-Za-z0-9]{6}(?=[/.]| \(deleted\)$|$)/g;

const UUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi;
/** Of a name: what a database counts its files by, a date, a time. */
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

/** `/run/app.1234.sock` of process 1234. A pid of one digit (a container's) is any other number, too. */
export function withoutPid(text: string, pid: number): string {
  if (pid < 10 || !text.includes(String(pid))) return text;
  return text.replace(/\d+/g, number => (number === String(pid) ? '*' : number));
}
