// What the page about performance shows of the results: one table of a dozen lines, and the bars of one chart. Pure.

import { mapValues, verdict } from './numbers.mjs';

const SPAWN = 'Time of a spawn until its child has ended';
const START = 'Milliseconds from the start of Node to its end';
const PEERS = 'What closing adds to a spawn with one stray';

/** The way that the page tells of: with reports, as people run it. */
const ENFORCE = 'enforce, reported';

/** See bench/sections/spawn.mjs. */
const FLOOR = 'modules and addon alone';
const FLOOR_OF_FINDINGS = 'bare, 2.5 MB more';

/** The lines of the table: what is measured, its value, the goal, and whether the goal is met. */
export function summary({ spawn, startup, scale, memory }) {
  return [
    spawnLine(spawn, 'A spawn with nothing to judge', { fds: 0 }, 1.02),
    spawnLine(spawn, 'the same, 10,000 open FDs', { fds: 10_000 }, 1.04),
    spawnLine(spawn, 'the same, `exec()`', { route: 'exec', fds: 0 }, 1.02),
    spawnLine(spawn, 'the floor: modules of Node and the addon, unused', { fds: 0, way: FLOOR }),
    spawnLine(spawn, 'A spawn with 100 strays', { fds: 0, strays: 100 }, 1.06),
    spawnLine(spawn, 'the same in `warn`', { fds: 0, strays: 100, way: 'warn' }, 1.06),
    spawnLine(spawn, 'the floor: the memory of a report, unused', {
      fds: 0,
      strays: 100,
      way: FLOOR_OF_FINDINGS,
    }),
    ...startLines(startup),
    memoryLine(memory),
    reportLine(scale),
  ];
}

/** The bars of the chart, group by group. */
export function bars({ peers, startup }) {
  return [
    {
      title: 'Added to a spawn by what closes one stray, 1,000 FDs open (ms)',
      bars: rowsOf(peers, PEERS)
        .filter(row => row.FDs === 1000)
        .map(row => ({
          label: `${row.runtime}: ${row.way}`,
          own: row.way === 'closefds',
          ...inMilliseconds(row['time added']),
        })),
    },
    {
      title: 'Added to the start of a program that does nothing (ms of CPU)',
      bars: starts(startup).flatMap(row => [
        {
          label: `Node ${major(row)}: modules of Node that it needs`,
          own: false,
          ...row['CPU added by the builtins alone'],
        },
        { label: `Node ${major(row)}: closefds itself`, own: true, ...row['of that its own'] },
      ]),
    },
  ];
}

function spawnLine(section, what, { route = 'spawn', fds, strays = 0, way = ENFORCE }, goal) {
  const row = rowsOf(section, SPAWN).find(
    one =>
      one.route === route &&
      one.FDs === fds &&
      one.strays === strays &&
      one['memory held'] === 0 &&
      one.way === way,
  );
  const ratio = row?.['time / bare'];
  return {
    what,
    value: ratio && `${interval(ratio, 3)} of bare Node`,
    ...(goal !== undefined && { goal: `at most ${goal}`, met: ratio && verdict(ratio, goal) }),
  };
}

function startLines(section) {
  const goals = { 20: 2.5, 24: 2, 26: 2 };
  return starts(section).map(row => {
    const own = row['of that its own'];
    const goal = goals[major(row)];
    return {
      what: `The start of Node ${major(row)}: closefds itself`,
      value: `${interval(own, 1)} ms of CPU, behind ${row['CPU added by the builtins alone'].median.toFixed(1)} for modules of Node`,
      goal: `at most ${goal} ms`,
      met: verdict(own, goal),
    };
  });
}

function memoryLine({ tables: [table] }) {
  const [bare, enforce] = ['bare', 'enforce'].map(way => toRows(table).find(row => row.way === way));
  const added = enforce['resident at start'] - bare['resident at start'];
  const grown = enforce['after all'] - enforce['after one spawn'];
  return {
    what: 'Memory',
    value: `${added.toFixed(1)} MB at start; ${grown.toFixed(1)} MB more after 50,000 spawns`,
  };
}

function reportLine(section) {
  const row = rowsOf(section, '`closefds report`').at(-1);
  return {
    what: '`closefds report`, a million findings',
    value: `${row.time.toFixed(1)} s, ${Math.round(row['most memory'])} MB`,
    goal: 'at most 10 s and 131 MB',
    met: row.time <= 10 && row['most memory'] <= 131 ? 'yes' : 'no',
  };
}

function interval({ median, low, high }, digits) {
  return `${median.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
}

function inMilliseconds(of) {
  return mapValues(of, value => value / 1000);
}

function starts(section) {
  return rowsOf(section, START).filter(row => row.program === 'never-spawns.js');
}

function major({ Node: version }) {
  return version.split('.', 1)[0];
}

function rowsOf(section, title) {
  const table = section.tables.find(one => one.title === title);
  if (table === undefined) throw new Error(`expected the table "${title}" in bench/results.json, found none`);
  return toRows(table);
}

/** Each row by the titles of its columns. */
function toRows({ columns, rows }) {
  return rows.map(row => Object.fromEntries(columns.map(({ title }, at) => [title, row[at]])));
}
