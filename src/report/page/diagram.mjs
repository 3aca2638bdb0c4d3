// A diagram in three columns: who (callers by service), what (kinds and openers), and whom (commands). Heights are
// linear, and the same in all columns: a finding is as high everywhere.

import { element, legend, svg, tip } from './parts.mjs';
import { addTo, byCount, STATES } from './tally.mjs';
import { number, shortened } from './words.mjs';

const SIZE = { width: 1200, height: 420, room: 330, thickness: 10, gap: 6, label: 18 };
const MOST_NAMES = 12;
const SIDES = ['who', 'what', 'whom'];
const TITLES = { who: 'who', what: 'what', whom: 'whom' };

/** The table below it has the same data as text. */
export function diagram(rows) {
  const flows = mergedFlows(rows);
  const total = flows.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return element('div');
  const columns = SIDES.map(side => sumsOf(flows, side));
  const gaps = Math.max(...columns.map(sums => sums.size - 1)) * SIZE.gap;
  const scale = (SIZE.height - gaps) / total;
  const places = columns.map(sums => stack(sums, scale));
  const links = [0, 1].flatMap(index => ribbons(flows, index, places, scale));
  const picture = svg(
    'svg',
    { viewBox: `0 -30 ${SIZE.width} ${SIZE.height + 40}`, class: 'flows', role: 'img' },
    [
      svg('title', {}, [
        `${number(columns[0].size)} callers, ${number(columns[1].size)} kinds of FDs and ${number(columns[2].size)} commands, on a linear scale`,
      ]),
      ...links,
      ...places.flatMap((column, index) => nodes(column, index)),
      ...SIDES.map((side, index) =>
        svg('text', { class: 'side', ...labelPlace(index), y: -16 }, [TITLES[side]]),
      ),
    ],
  );
  const shown = STATES.filter(state => flows.some(flow => flow.state === state));
  return element('div', { class: 'diagram' }, [
    picture,
    legend(Object.fromEntries(shown.map(state => [`state-${state}`, state]))),
    element('p', { class: 'dim' }, ['Heights are linear. The thinnest line is a pixel, whatever its count.']),
  ]);
}

/** Flows by names and state; the names of the largest are kept, the others become one. */
function mergedFlows(rows) {
  const all = rows.flatMap(flowsOf);
  const kept = SIDES.map(side => new Set([...sumsOf(all, side).keys()].slice(0, MOST_NAMES)));
  const merged = new Map();
  for (const flow of all) {
    const names = SIDES.map((side, index) => (kept[index].has(flow[side]) ? flow[side] : 'others'));
    const key = JSON.stringify([...names, flow.state]);
    const known = merged.get(key) ?? {
      who: names[0],
      what: names[1],
      whom: names[2],
      state: flow.state,
      count: 0,
    };
    merged.set(key, known);
    known.count += flow.count;
  }
  return [...merged.values()].sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state));
}

function flowsOf(row) {
  const commands = row.commands.length === 0 ? [{ value: 'unknown', count: row.count }] : row.commands;
  return commands.map(({ value, count }) => ({
    who: row.caller,
    what: whatOf(row),
    whom: value,
    state: row.state,
    count,
  }));
}

function whatOf({ kind, openers }) {
  if (kind !== 'stray') return { fd: 'open FD', pipe: 'new pipe', ipc: 'message channel' }[kind] ?? 'nothing';
  const [{ value } = { value: 'unknown' }] = openers;
  return value === 'unknown' ? 'stray, opener unknown' : `stray, ${value}`;
}

/** Counts by name, the largest first, others last. */
function sumsOf(flows, side) {
  const sums = new Map();
  for (const flow of flows) addTo(sums, flow[side], flow.count);
  const sorted = [...sums].sort(
    byCount(
      ([, count]) => count,
      ([name]) => name,
    ),
  );
  return new Map(sorted.sort(([a], [b]) => (a === 'others') - (b === 'others')));
}

function stack(sums, scale) {
  let y = 0;
  const places = [...sums].map(([name, count]) => {
    const place = { name, count, y, size: count * scale, taken: [0, 0] };
    y += place.size + SIZE.gap;
    return place;
  });
  return new Map(spread(places).map(place => [place.name, place]));
}

/** Labels of thin nodes would overlap: moves them apart. */
function spread(places) {
  let lowest = Number.NEGATIVE_INFINITY;
  const moved = places.map(place => {
    lowest = Math.max(place.y + place.size / 2, lowest + SIZE.label);
    return { ...place, label: lowest };
  });
  let highest = SIZE.height;
  for (const place of [...moved].reverse()) {
    place.label = Math.min(place.label, highest);
    highest = place.label - SIZE.label;
  }
  return moved;
}

function nodeX(index) {
  const right = SIZE.width - SIZE.room - SIZE.thickness;
  return [SIZE.room, (SIZE.room + right) / 2, right][index];
}

function ribbons(flows, index, places, scale) {
  return flows.map(flow => {
    const [from, to] = [places[index].get(flow[SIDES[index]]), places[index + 1].get(flow[SIDES[index + 1]])];
    const size = flow.count * scale;
    const [y1, y2] = [from.y + from.taken[1] + size / 2, to.y + to.taken[0] + size / 2];
    from.taken[1] += size;
    to.taken[0] += size;
    const [x1, x2] = [nodeX(index) + SIZE.thickness, nodeX(index + 1)];
    const middle = (x1 + x2) / 2;
    return svg(
      'path',
      {
        d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`,
        class: `ribbon state-${flow.state}`,
        'stroke-width': Math.max(1, size),
      },
      [tip(`${flow.who}: ${flow.what} to ${flow.whom}, ${flow.state}: ${number(flow.count)}`)],
    );
  });
}

function labelPlace(index) {
  const x = nodeX(index);
  return index === 0 ? { x: x - 14, 'text-anchor': 'end' } : { x: x + SIZE.thickness + 14 };
}

function nodes(places, index) {
  const x = nodeX(index);
  const most = index === 1 ? 26 : 32;
  return [...places.values()].flatMap(({ name, y, size, count, label }) => {
    const [from, to] = index === 0 ? [x, x - 12] : [x + SIZE.thickness, x + SIZE.thickness + 12];
    const middle = y + size / 2;
    return [
      svg('rect', { x, y, width: SIZE.thickness, height: Math.max(1, size), class: 'node' }, [
        tip(`${name}: ${number(count)}`),
      ]),
      svg('path', { d: `M${from} ${middle}L${to} ${label}`, class: 'leader' }),
      svg('text', { ...labelPlace(index), y: label, dy: '0.35em', class: index === 1 ? 'over' : '' }, [
        `${shortened(name, most)} ${number(count)}`,
        tip(name),
      ]),
    ];
  });
}
