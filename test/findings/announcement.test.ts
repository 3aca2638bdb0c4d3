// What is taken for an announcement of an FD, and how much of it is shown.

import test from 'ava';

import { type AnnouncingCall, announcedFds, findAnnouncement } from '../../src/findings/announcement';
import { UNKNOWN_FILE } from '../../src/model/spawn-request';

/** A command line, or variables (`NAME=value`) where `env` is given. */
type Line = string | { readonly env: string } | { readonly shell: string };

function toCall(line: Line): AnnouncingCall {
  if (typeof line === 'string') {
    const [command = '', ...args] = line.split(' ');
    return { command, args, environment: () => ['HOME=/root', 'LANG=C'] };
  }
  if ('env' in line) return { command: 'tool', args: ['tool'], environment: () => ['HOME=/root', line.env] };
  return { command: '/bin/sh', args: ['/bin/sh', '-c', line.shell], environment: () => [] };
}

function title(line: Line): string {
  return typeof line === 'string' ? line : JSON.stringify(line);
}

function textFor(fd: number, line: Line): string | undefined {
  const crossing = { kind: 'fd', childFd: fd, sourceFd: fd, file: UNKNOWN_FILE } as const;
  return findAnnouncement({ ...crossing, explicit: false, atStart: false }, toCall(line));
}

const ANNOUNCED: readonly { readonly line: Line; readonly fds: readonly number[]; readonly text: string }[] =
  [
    { line: 'chrome --remote-debugging-pipe', fds: [3, 4], text: '--remote-debugging-pipe' },
    { line: 'chrome --remote-debugging-pipe=cbor', fds: [3, 4], text: '--remote-debugging-pipe' },
    { line: 'firefox -juggler-pipe', fds: [3, 4], text: '-juggler-pipe' },
    { line: 'make --jobserver-auth=3,4', fds: [3, 4], text: '--jobserver-auth=3,4' },
    { line: 'ffmpeg -i pipe:3 out.mp3', fds: [3], text: 'pipe:3' },
    { line: 'ffmpeg -i cache:pipe:3 out.mp3', fds: [3], text: 'pipe:3' },
    { line: 'gpg --passphrase-fd 3', fds: [3], text: '--passphrase-fd 3' },
    { line: 'gpg --status-fd=12', fds: [12], text: '--status-fd=12' },
    { line: 'valgrind --log-fd=9 true', fds: [9], text: '--log-fd=9' },
    { line: 'podman --preserve-fd=3,5', fds: [3, 5], text: '--preserve-fd=3,5' },
    { line: 'podman run --preserve-fds 2 alpine', fds: [3, 4], text: '--preserve-fds 2' },
    { line: 'openssl enc -aes-256-cbc -pass fd:3', fds: [3], text: 'fd:3' },
    { line: 'convert png:fd:3 out.png', fds: [3], text: 'fd:3' },
    { line: 'magick fd:3[640x480] out.png', fds: [3], text: 'fd:3' },
    { line: 'socat FD:3,readbytes=10 -', fds: [3], text: 'FD:3' },
    { line: 'qemu-system-x86_64 -netdev tap,id=net0,fd=3,vhostfd=4', fds: [3, 4], text: 'fd=3' },
    { line: 'qemu-system-x86_64 -netdev tap,fds=3:4', fds: [3, 4], text: 'fds=3:4' },
    { line: 'bwrap --args 3', fds: [3], text: '--args 3' },
    { line: '/usr/bin/bwrap --ro-bind / / --seccomp 3 sh', fds: [3], text: '--seccomp 3' },
    { line: 'sudo bwrap --ro-bind-data 5 /etc/passwd sh', fds: [5], text: '--ro-bind-data 5' },
    { line: 'bwrap --json-status-fd 3', fds: [3], text: '--json-status-fd 3' },
    { line: 'cardano-node run --shutdown-ipc 3', fds: [3], text: '--shutdown-ipc 3' },
    { line: 'Xvfb -displayfd 3', fds: [3], text: '-displayfd 3' },
    { line: 'dbus-daemon --session --print-address=3 --print-pid=4', fds: [3, 4], text: '--print-address=3' },
    { line: 'at-spi --print-address 3', fds: [3], text: '--print-address 3' },
    { line: 'php -f php://fd/3', fds: [3], text: 'php://fd/3' },
    { line: 'cat /dev/fd/3 /proc/self/fd/4', fds: [3, 4], text: '/dev/fd/3' },
    { line: 'curl --config=/dev/fd/3', fds: [3], text: '/dev/fd/3' },
    { line: 'sh /proc/thread-self/fd/7', fds: [7], text: '/proc/thread-self/fd/7' },
    { line: { env: 'NODE_CHANNEL_FD=3' }, fds: [3], text: 'NODE_CHANNEL_FD=3' },
    { line: { env: 'BASH_XTRACEFD=5' }, fds: [5], text: 'BASH_XTRACEFD=5' },
    { line: { env: 'LOG_FD=40' }, fds: [40], text: 'LOG_FD=40' },
    { line: { env: 'LISTEN_FDS=2' }, fds: [3, 4], text: 'LISTEN_FDS=2' },
    { line: { env: 'WAYLAND_SOCKET=3' }, fds: [3], text: 'WAYLAND_SOCKET=3' },
    { line: { env: 'GIT_TRACE=3' }, fds: [3], text: 'GIT_TRACE=3' },
    { line: { env: 'GIT_TRACE2_EVENT=5' }, fds: [5], text: 'GIT_TRACE2_EVENT=5' },
    {
      line: { env: 'MAKEFLAGS= -j --jobserver-auth=3,4 -- PASSWORD=HUNTER2' },
      fds: [3, 4],
      text: 'MAKEFLAGS --jobserver-auth=3,4',
    },
    {
      line: { env: 'CARGO_MAKEFLAGS=-j --jobserver-fds=8,9 --jobserver-auth=8,9' },
      fds: [8, 9],
      text: 'CARGO_MAKEFLAGS --jobserver-fds=8,9',
    },
    { line: { env: 'KEYFILE=/dev/fd/3' }, fds: [3], text: 'KEYFILE=/dev/fd/3' },
    { line: { env: 'DB=file:HUNTER2@x?key=/dev/fd/3&HUNTER2' }, fds: [3], text: 'DB /dev/fd/3' },
    { line: { env: 'npm_config_//host/:_HUNTER2=/dev/fd/3' }, fds: [3], text: '/dev/fd/3' },
    { line: { shell: 'echo -pHUNTER2 >&3' }, fds: [3], text: '>&3' },
    { line: { shell: 'mysql -pHUNTER2 <&3' }, fds: [3], text: '<&3' },
    { line: { shell: 'exec 4>&3; echo HUNTER2 1>&4' }, fds: [3], text: '>&3' },
    { line: { shell: 'echo ok >&3; exec 3>&-' }, fds: [3], text: '>&3' },
    {
      line: { shell: 'PASS=HUNTER2 gpg --batch --passphrase-fd 3 -d "file"' },
      fds: [3],
      text: '--passphrase-fd 3',
    },
    { line: { shell: "cd x && openssl enc -k HUNTER2 -pass 'fd:3'" }, fds: [3], text: 'fd:3' },
    { line: { shell: 'LOG_FD=3 TOKEN=HUNTER2 ./tool' }, fds: [3], text: 'LOG_FD=3' },
    { line: { shell: 'tar c HUNTER2 > /dev/fd/3' }, fds: [3], text: '/dev/fd/3' },
    { line: 'sudo -u web bash -lc HUNTER2>&3', fds: [3], text: '>&3' },
  ];

for (const { line, fds, text } of ANNOUNCED) {
  test(`${title(line)} announces FD ${fds.join(' and ')} as ${text}`, t => {
    t.deepEqual(
      [...announcedFds(toCall(line))].sort((a, b) => a - b),
      fds,
    );
    t.is(textFor(Number(fds[0]), line), text);
    t.is(textFor(99, line), undefined);
  });
}

const ORDINARY: readonly Line[] = [
  'node server.js --port 3000',
  'node --max-old-space-size=4096 app.js 3',
  'node -e console.log(3>2,fd=3)',
  'head -n 3 file',
  'tail -c 3 file',
  'grep -c 3 file',
  'ping -c 3 10.0.0.3',
  'gzip --level=3 -9 file',
  'zstd -3 -T4 file',
  'tool --fd-limit 1024',
  'tool --max-fds 1024',
  'tool --max-fd=1024',
  'tool --num-fds=64',
  'tool --maxfd 5',
  'tool --fd-count 3',
  'ulimit -n 1024',
  'prlimit --nofile=1024:4096 true',
  'docker run -p 3000:3000 -e PORT=3 image:3',
  'docker run --security-opt seccomp=3 image',
  'tool --seccomp 3',
  'tool --args 3',
  'tool --file 3',
  'make -j 4 JOBS=3',
  'make --jobs=3',
  'ssh -p 22 -o ServerAliveInterval=3 host',
  'ssh host -L 3:localhost:3',
  'curl --retry 3 --max-time 3 http://localhost:3000/dev/fd/3',
  'curl http://[fd00::3]:3000/',
  'ip addr add fd:3::1/64 dev eth0',
  'ip -6 route add 2001:db8:0:fd:3:0:0:1 dev eth0',
  'ip link set eth0 address 52:54:00:ab:fd:30',
  'ip neigh add 2001:db8::fd:3 dev eth0',
  'ffmpeg -i in.mp4 -crf 3 -threads 4 out.mp4',
  'ffmpeg -i pipe:0 -f mp3 pipe:1',
  'ffmpeg -i pipeline:3 out',
  'convert in.png -resize 3x4 -quality 95 fd:1',
  'qemu-system-x86_64 -m 3 -smp cpus=3 -netdev user,id=n,hostfwd=tcp::3-:22',
  'qemu-system-x86_64 -drive file=fd3.img,if=floppy',
  'git log -n 3 --max-count=3',
  'git -c http.retries=3 clone url',
  'npm install --loglevel=3 pkg@3',
  'npx -y pkg@3.0.0 --workers 3',
  'python3 -m http.server 3000',
  'sed -n 3p file',
  'awk $3>&3{print} file',
  'cut -d, -f3 file',
  'sort -k 3 -n file',
  'chmod 3 file',
  'kill -3 1234',
  'sleep 3',
  'fd --max-depth 3 pattern',
  'fd 3',
  'pdf2ps -dPDFSETTINGS=3 in.pdf',
  'tool --pdf=3',
  'mkfs -t ext3 /dev/fd0',
  'ls /dev/fd /proc/1234/fd/3 /srv/root/dev/fd/3',
  'cat /dev/fd/3.txt /dev/fd/0',
  'chrome --remote-debugging-port=9222',
  'chrome --remote-debugging-pipeline',
  'redis-cli -n 3 -p 6379',
  'psql -p 5432 -U me -c select(3)',
  'mysql -pfd 3',
  'mysql -pHUNTERfd 3',
  'postgres -c max_files_per_process=3',
  'tool {"fd":3} a=b?fd=3&x max_fd=3',
  'strace -e trace=3 -o out true',
  'tar -C /tmp --strip-components 3 -xf a.tar',
  'xargs -n 3 -P 4',
  { env: 'PORT=3000' },
  { env: 'MAX_FD=3' },
  { env: 'NUM_FD=64' },
  { env: 'LIMIT_FD=1024' },
  { env: 'FD_LIMIT=1024' },
  { env: 'NODE_CHANNEL_SERIALIZATION_MODE=3' },
  { env: 'UV_THREADPOOL_SIZE=4' },
  { env: 'MAKEFLAGS= -j4 --jobserver-auth=fifo:/tmp/GMfifo3' },
  { env: 'MAKELEVEL=3' },
  { env: 'GIT_TRACE=1' },
  { env: 'GIT_TRACE=2' },
  { env: 'GIT_TRACE=10' },
  { env: 'GIT_TRACE2_MAX_FILES=3' },
  { env: 'GIT_TRACE2_EVENT_NESTING=3' },
  { env: 'WAYLAND_DISPLAY=wayland-3' },
  { env: 'LISTEN_PID=3' },
  { env: 'PDF=3' },
  { env: 'SHLVL=3' },
  { env: 'TERM_PROGRAM_VERSION=3.4' },
  { env: 'ADDRESS=fd:3' },
  { env: 'SSH_CLIENT=10.0.0.3 3 22' },
  { shell: 'make > log 2>&1' },
  { shell: 'echo error >&2; exit 3' },
  { shell: 'cmd 3>&1 1>&2 2>&3 3>&-' },
  { shell: 'exec 3>log; echo hi >&3; exec 3>&-' },
  { shell: 'while read line <&3; do echo "$line"; done 3< list' },
  { shell: 'gpg --passphrase-fd 3 -d file 3<<<"$PASS"' },
  { shell: 'exec 9>lock; flock -n 9' },
  { shell: 'test 4 -gt 3 && sleep 3 & wait' },
  { shell: 'echo a >&3.log &>3' },
  { shell: 'node -e "x = a >& b" --port=3' },
  { shell: 'tail -n 3 file | head -c 3' },
  { shell: 'curl -s http://localhost:3000 | jq .fd' },
];

test('the table of ordinary lines has more than sixty', t => {
  t.true(ORDINARY.length > 60);
});

for (const line of ORDINARY) {
  test(`${title(line)} announces nothing`, t => {
    t.deepEqual([...announcedFds(toCall(line))], []);
  });
}

test('a message channel is announced by its variable, which Node adds itself', t => {
  const crossing = { kind: 'ipc', childFd: 3, sourceFd: undefined, file: UNKNOWN_FILE } as const;
  const call = toCall('node child.js');
  t.is(findAnnouncement({ ...crossing, explicit: false, atStart: false }, call), 'NODE_CHANNEL_FD=3');
});

test('long arguments, texts and variables take time in proportion', t => {
  const long = 'fd-pipe:--fds=3,4,>& --jobserver-auth=/dev/fd/ '.repeat(20_000);
  for (const line of [{ env: `A_FD=${long}` }, { shell: long }, { shell: long.replaceAll(' ', '') }])
    t.deepEqual([...announcedFds(toCall(line))], []);
  const args = [long, `--${'fd-'.repeat(200_000)}`, `-${'a'.repeat(500_000)}=`];
  t.deepEqual([...announcedFds({ command: 'x', args, environment: () => [] })], []);
});
