// What a process meets that spawns without pause, from everywhere, or with as many FDs as it may have.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { spread } from '../numbers.mjs';
import { environment, program, REGISTER, tool } from '../tools.mjs';

export const title = 'Load';

const PRELOAD = ['--no-warnings', '--require', REGISTER];

export function run({ quick, folder, progress }) {
  const tables = Object.entries({ minute, callSites, largeTables }).map(([name, measure]) => {
    progress(name);
    return measure({ quick, folder });
  });
  return { tables, notes: [NOTE] };
}

const NOTE =
  '"Lost" is what the report file lacks. "Used" memory is the heap and what it holds outside, after garbage collection. The FDs of a large table are as many as the hard limit of the machine allows, at most a million.';

// ---------------------------------------------------------------------------------------------
// Spawns without pause
// ---------------------------------------------------------------------------------------------

function minute({ quick, folder }) {
  const [seconds, rate, strays] = [quick ? 3 : 60, 1000, 1];
  const rows = Object.entries({
    bare: undefined,
    warn: 'warn',
    enforce: 'enforce',
  }).map(([way, mode]) => {
    const report = path.join(folder, `minute-${way}.ndjson`);
    const request = JSON.stringify({ seconds, rate, strays });
    const { made, perSecond, early, late } = play({
      mode,
      report,
      args: [program('keep-spawning.js'), request],
    });
    const lost = mode === undefined ? undefined : made * strays - countOf(report);
    return [way, made, perSecond, lost, early, late];
  });
  const columns = [
    { title: 'way' },
    { title: 'spawns', unit: 'count' },
    { title: 'a second', unit: 'count' },
    { title: 'findings lost', unit: 'count' },
    { title: 'used after a second', unit: 'MB' },
    { title: 'used at the end', unit: 'MB' },
  ];
  return {
    title: `At most ${rate} spawns a second for ${seconds} seconds, each with a stray`,
    columns,
    rows,
  };
}

// ---------------------------------------------------------------------------------------------
// Call sites
// ---------------------------------------------------------------------------------------------

function callSites({ quick, folder }) {
  const rows = (quick ? [1000] : [10_000, 100_000]).flatMap(sites =>
    ['bare', 'warn'].map(way => {
      const mode = way === 'bare' ? undefined : way;
      const report = path.join(folder, `sites-${sites}.ndjson`);
      const args = [program('call-sites.js'), String(sites)];
      const { perCall, early, late } = play({ mode, report, before: program('stubbed.js'), args });
      return [sites, way, mode && sites - countOf(report), perCall, early, late];
    }),
  );
  const columns = [
    { title: 'call sites', unit: 'count' },
    { title: 'way' },
    { title: 'findings lost', unit: 'count' },
    { title: 'a call', unit: 'us' },
    { title: 'used after a tenth', unit: 'MB' },
    { title: 'used at the end', unit: 'MB' },
  ];
  return { title: 'A program that makes up its call sites, without the processes', columns, rows };
}

// ---------------------------------------------------------------------------------------------
// Large tables
// ---------------------------------------------------------------------------------------------

/** The steps of the fallback chain, and the calls that fail there. */
const STEPS = {
  close_range: [],
  table: [tool('deny'), 'close_range=EPERM'],
  proc: [tool('deny'), 'close_range=EPERM,pselect6=EBADF'],
};

function largeTables({ quick, folder }) {
  // Node and the guard open some themselves.
  const fds = quick ? 1000 : Math.min(1_000_000, hardLimit() - 100);
  const report = path.join(folder, 'large.ndjson');
  const rows = [false, true].flatMap(strays => {
    const args = [program('large-table.js'), JSON.stringify({ fds, strays })];
    const what = strays ? 'strays' : 'close-on-exec';
    const row = (way, { first, later }) => [what, way, first, spread(later)];
    return [
      row('bare', play({ args })),
      ...Object.entries(STEPS).map(([step, through]) =>
        row(`enforce, ${step}`, play({ mode: 'enforce', report, through, args })),
      ),
    ];
  });
  const columns = [
    { title: 'FDs' },
    { title: 'way' },
    { title: 'first spawn', unit: 'ms' },
    { title: 'later ones', unit: 'ms' },
  ];
  return { title: `${fds.toLocaleString('en')} open FDs`, columns, rows };
}

function hardLimit() {
  return Number(
    execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).replace('unlimited', 'Infinity'),
  );
}

// ---------------------------------------------------------------------------------------------

/** What a program prints, without closefds or in a mode. */
function play({ mode, report, before, through = [], args }) {
  const first = before === undefined ? [] : ['--require', before];
  const preload = mode === undefined ? first : [...first, ...PRELOAD];
  const more = mode === undefined ? {} : { CLOSEFDS_MODE: mode, CLOSEFDS_REPORT: report };
  const command = [...through, process.execPath, '--expose-gc', ...preload, ...args];
  // Node raises its soft limit to the hard one by itself.
  const output = execFileSync(tool('close-launcher'), command, { env: environment(more), encoding: 'utf8' });
  return JSON.parse(output);
}

/** How many FDs the lines of a report file count. */
function countOf(file) {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  const findings = lines.map(line => JSON.parse(line)).filter(({ kind }) => kind !== undefined);
  return findings.reduce((sum, { count }) => sum + count, 0);
}
