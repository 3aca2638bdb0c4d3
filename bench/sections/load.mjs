// What a process meets that spawns without pause, from everywhere, or with as many FDs as it may have.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

import { spread } from '../numbers.mjs';
import { environment, mostFds, program, REGISTER, readRecords, tool } from '../tools.mjs';

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
  const rows = ['bare', 'warn', 'enforce'].map(way => {
    const report = path.join(folder, `minute-${way}.ndjson`);
    const request = JSON.stringify({ seconds, rate, strays });
    const { made, perSecond, early, late } = play({
      way,
      report,
      args: [program('keep-spawning.js'), request],
    });
    const lost = way === 'bare' ? undefined : made * strays - countOf(report);
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
      const report = path.join(folder, `sites-${sites}.ndjson`);
      const args = [program('call-sites.js'), String(sites)];
      const { perCall, early, late } = play({ way, report, before: [program('stubbed.js')], args });
      const lost = way === 'bare' ? undefined : sites - countOf(report);
      return [sites, way, lost, perCall, early, late];
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
  const fds = quick ? 1000 : Math.min(1_000_000, mostFds() - 100);
  const report = path.join(folder, 'large.ndjson');
  const rows = [false, true].flatMap(strays => {
    const args = [program('large-table.js'), JSON.stringify({ fds, strays })];
    const what = strays ? 'strays' : 'close-on-exec';
    const row = (way, { first, later }) => [what, way, first, spread(later)];
    return [
      row('bare', play({ way: 'bare', args })),
      ...Object.entries(STEPS).map(([step, through]) =>
        row(`enforce, ${step}`, play({ way: 'enforce', report, through, args })),
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

// ---------------------------------------------------------------------------------------------

/** What a program prints, bare or in a mode. Modules in `before` are loaded first. */
function play({ way, report, before = [], through = [], args }) {
  const isBare = way === 'bare';
  const preloads = [...before.flatMap(file => ['--require', file]), ...(isBare ? [] : PRELOAD)];
  const env = environment(isBare ? {} : { CLOSEFDS_MODE: way, CLOSEFDS_REPORT: report });
  const command = [...through, process.execPath, '--expose-gc', ...preloads, ...args];
  return JSON.parse(execFileSync(tool('close-launcher'), command, { env, encoding: 'utf8' }));
}

/** How many FDs the lines of a report file count. */
function countOf(file) {
  const findings = existsSync(file) ? readRecords(file).filter(({ kind }) => kind !== undefined) : [];
  return findings.reduce((sum, { count }) => sum + count, 0);
}
