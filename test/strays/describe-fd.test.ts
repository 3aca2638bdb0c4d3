// What an FD refers to: the list of strays tells a part of it, and what /proc says must be the same.

import fs from 'node:fs';
import net from 'node:net';
import test from 'ava';
import type { OpenFile } from '../../src/model/spawn-request';
import { describeFd } from '../../src/strays/describe-fd';
import { loadStrayGuard } from '../../src/strays/native-guard';
import { temporaryFolder } from '../support/programs';
import { LEAK, ROOT } from '../support/run';

interface Leak {
  readonly mark: (fd: number, marked: boolean) => number;
  readonly pipe: (least: number) => number;
  readonly dup2: (from: number, to: number) => number;
}

const leak = require(LEAK) as Leak;
const O_PATH = 0o10000000;
const [READ_ONLY, WRITE_ONLY, BOTH] = [fs.constants.O_RDONLY, fs.constants.O_WRONLY, fs.constants.O_RDWR];

const opening = (path: string, flags: number) => async () => fs.openSync(path, flags);

async function listeningSocket(): Promise<number> {
  const server = net.createServer().listen(0).unref();
  await new Promise(resolve => server.once('listening', resolve));
  return (server as unknown as { _handle: { fd: number } })._handle.fd;
}

/** One of libuv's own, which has no file type. */
async function eventFd(): Promise<number> {
  const numbers = fs.readdirSync('/proc/self/fd').map(Number);
  const own = numbers.find(fd => describeFd(fd).target === 'anon_inode:[eventfd]');
  return leak.dup2(own ?? -1, 90);
}

/** Each is a getter. */
function fieldsOf(file: OpenFile | undefined): OpenFile | undefined {
  return (
    file && { target: file.target, type: file.type, access: file.access, isNullDevice: file.isNullDevice }
  );
}

for (const { what, open, type, access, isNull } of [
  {
    what: 'a file to read',
    open: opening(__filename, READ_ONLY),
    type: 'file',
    access: 'read',
    isNull: false,
  },
  {
    what: 'the null device to write',
    open: opening('/dev/null', WRITE_ONLY),
    type: 'device',
    access: 'write',
    isNull: true,
  },
  {
    what: 'another memory device',
    open: opening('/dev/zero', BOTH),
    type: 'device',
    access: 'both',
    isNull: false,
  },
  { what: 'a terminal', open: opening('/dev/ptmx', BOTH), type: 'tty', access: 'both', isNull: false },
  { what: 'a folder', open: opening('/', READ_ONLY), type: 'other', access: 'read', isNull: false },
  {
    what: 'a path that was not opened',
    open: opening('/dev/null', O_PATH),
    type: 'device',
    access: 'read',
    isNull: true,
  },
  { what: 'a pipe', open: async () => leak.pipe(80), type: 'pipe', access: 'read', isNull: false },
  { what: 'a socket', open: listeningSocket, type: 'socket', access: 'both', isNull: false },
  { what: 'an event FD', open: eventFd, type: 'other', access: 'both', isNull: false },
] as const) {
  test.serial(`${what} is described as by /proc`, async t => {
    const fd = await open();
    leak.mark(fd, false);
    const stray = loadStrayGuard(ROOT)
      .list(true, describeFd)
      .find(stray => stray.fd === fd);
    t.deepEqual(fieldsOf(stray?.file), fieldsOf(describeFd(fd)));
    const target = fs.readlinkSync(`/proc/self/fd/${fd}`);
    t.deepEqual(fieldsOf(stray?.file), { target, type, access, isNullDevice: isNull });
    leak.mark(fd, true);
  });
}

test.serial('the list and its values stay the same while nothing changes', t => {
  const file = `${temporaryFolder(t)}/file`;
  fs.writeFileSync(file, '');
  const { list } = loadStrayGuard(ROOT);
  const open = () => {
    const fd = fs.openSync(file, 'r');
    leak.mark(fd, false);
    return fd;
  };
  const [first, second] = [open(), open()];
  const before = list(false, describeFd);
  t.is(list(false, describeFd), before);

  leak.mark(first, true);
  const after = list(false, describeFd);
  t.not(after, before);
  t.deepEqual(
    after.map(({ fd }) => fd),
    before.map(({ fd }) => fd).filter(fd => fd !== first),
  );
  const find = (strays: typeof after) => strays.find(({ fd }) => fd === second);
  t.is(find(after), find(before));

  // Another file under the same number.
  fs.closeSync(second);
  t.is(fs.openSync('/dev/zero', 'r'), second);
  leak.mark(second, false);
  const other = find(list(false, describeFd));
  t.not(other, find(after));
  t.is(other?.file.target, '/dev/zero');
  leak.mark(second, true);
});
