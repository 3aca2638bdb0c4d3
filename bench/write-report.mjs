// A report file as processes write it: a first line for each group and process, then counts.

import { closeSync, openSync, writeSync } from 'node:fs';

/** A million lines of it are some 600 MB. */
export function writeReport(name, { lines, groups }) {
  const fd = openSync(name, 'w');
  const begin = Date.parse('2026-11-01T00:00:00.000Z');
  let text = '';
  for (let line = 0; line < lines; line++) {
    text += `${JSON.stringify(recordOf(line, groups, new Date(begin + line * 2000).toISOString()))}\n`;
    if (text.length > 2 ** 20 || line === lines - 1) {
      writeSync(fd, text);
      text = '';
    }
  }
  closeSync(fd);
}

/** Always the same: the numbers are the lines' own. */
function recordOf(line, groups, time) {
  const group = (line * 7919) % groups;
  const isStray = group % 3 !== 0;
  const name = ['.', 'tsx', 'puppeteer-core', '@scope/launcher', 'pm2'][group % 5];
  const inPackage = `lib/${['server', 'worker', 'browser', 'run'][group % 4]}-${group}.js`;
  const mode = group % 7 === 0 ? 'warn' : 'enforce';
  return {
    closefds: 1,
    time,
    pid: 1000 + (line % 1200),
    thread: 0,
    mode,
    code: isStray ? 'CLOSEFDS_STRAY' : 'CLOSEFDS_DESIGNATED',
    effect: 'deny',
    disposition: mode === 'warn' ? 'passed' : 'closed',
    kind: isStray ? 'stray' : 'pipe',
    childFd: 3 + (group % 20),
    ...(isStray && {
      sourceFd: 3 + (group % 20),
      target: group % 2 === 0 ? `/var/lib/app/data-${group}/LOCK` : `pipe:[${line}]`,
      type: group % 2 === 0 ? 'file' : 'pipe',
      access: 'both',
      atStart: group % 4 === 0,
      ...(group % 4 === 1 && {
        opener: { package: 'lmdb', version: '3.5.6', source: 'compat/packages/lmdb.json' },
      }),
    }),
    route: 'spawn',
    command: ['/bin/sh', 'git', 'node', '/usr/bin/chromium'][line % 4],
    caller: {
      package: name,
      ...(name !== '.' && { version: `${1 + (group % 3)}.2.0` }),
      file: name === '.' ? `/srv/app/${inPackage}` : `/srv/app/node_modules/${name}/${inPackage}`,
      fileInPackage: inPackage,
      line: 10 + (group % 90),
      column: 5,
      function: 'start',
    },
    rule: { source: 'default', reason: 'no rule allows it' },
    ...(mode === 'warn' && isStray && { used: 'unknown' }),
    count: line < groups ? 1 : 1 + (line % 50),
  };
}
