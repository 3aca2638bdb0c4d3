// A diagram: callers on the left, commands on the right, and ribbons between them as wide as their counts.

import { element, legend, svg, tip } from './parts.mjs';
import { addTo, byCount } from './tally.mjs';
import { number, shortened } from './words.mjs';

const SIZE = { width: 1000, room: 330, thickness: 10, gap: 10 };
const MOST_NAMES = 12;

/** Ribbons from callers to commands. The table below it has the same data as text. */
export function diagram(sorted) {
  const ribbons = ribbonsOf(sorted);
  const total = ribbons.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return element('div');
  const [left, right] = ['caller', 'command'].map(side => {
    const sums = new Map();
    for (const ribbon of ribbons) addTo(sums, ribbon[side], ribbon.count);
    const isOther = name => name === `other ${side}s`;
    return new Map([...sums].sort(([a], [b]) => isOther(a) - isOther(b)));
  });
  const height = Math.max(left.size, right.size) * 38;
  const [from, to] = [left, right].map(side => stack(side, total, height));
  const picture = svg('svg', { viewBox: `0 -26 ${SIZE.width} ${height + 28}`, class: 'flows', role: 'img' }, [
    svg('title', {}, [`${number(left.size)} callers and the ${number(right.size)} commands they start`]),
    ...ribbons.map(ribbon => drawn(ribbon, from.get(ribbon.caller), to.get(ribbon.command))),
    ...nodes(from, SIZE.room, -8, 'end'),
    ...nodes(to, SIZE.width - SIZE.room - SIZE.thickness, SIZE.thickness + 8, 'start'),
    svg('text', { class: 'side', x: SIZE.room, y: -12, 'text-anchor': 'end' }, ['callers']),
    svg('text', { class: 'side', x: SIZE.width - SIZE.room, y: -12 }, ['commands']),
  ]);
  const names = { passed: 'of groups that passed something', stopped: 'of groups that passed nothing' };
  return element('div', { class: 'diagram' }, [picture, legend(names)]);
}

/** Keeps the names of the largest; the others become one. */
function ribbonsOf(sorted) {
  const sums = new Map();
  for (const [, { commands }] of sorted) for (const [name, count] of commands) addTo(sums, name, count);
  const commands = [...sums]
    .sort(
      byCount(
        ([, count]) => count,
        ([name]) => name,
      ),
    )
    .map(([name]) => name);
  const callers = sorted.map(([name]) => name);
  const shownOf = (names, name, others) => (names.indexOf(name) < MOST_NAMES ? name : others);

  const ribbons = new Map();
  for (const [name, flow] of sorted) {
    for (const command of commands) {
      for (const fate of ['passed', 'stopped']) {
        const count = flow[fate].get(command) ?? 0;
        if (count === 0) continue;
        const ends = [shownOf(callers, name, 'other callers'), shownOf(commands, command, 'other commands')];
        const key = JSON.stringify([...ends, fate]);
        const ribbon = ribbons.get(key) ?? { caller: ends[0], command: ends[1], fate, count: 0 };
        ribbons.set(key, ribbon);
        ribbon.count += count;
      }
    }
  }
  return [...ribbons.values()];
}

/** Stacks the places, as high as their counts; the smallest still has room for its name. */
function stack(sums, total, height) {
  const free = height - SIZE.gap * (sums.size - 1);
  const least = Math.min(22, free / sums.size);
  const spare = free - least * sums.size;
  let y = 0;
  return new Map(
    [...sums].map(([name, count]) => {
      const place = { y, size: least + (spare * count) / total, count, taken: 0 };
      y += place.size + SIZE.gap;
      return [name, place];
    }),
  );
}

function drawn({ caller, command, fate, count }, from, to) {
  const [x1, x2] = [SIZE.room + SIZE.thickness, SIZE.width - SIZE.room - SIZE.thickness];
  const [top1, bottom1] = take(from, count);
  const [top2, bottom2] = take(to, count);
  const middle = (x1 + x2) / 2;
  const d =
    `M${x1} ${top1}C${middle} ${top1} ${middle} ${top2} ${x2} ${top2}` +
    `V${bottom2}C${middle} ${bottom2} ${middle} ${bottom1} ${x1} ${bottom1}Z`;
  return svg('path', { d, class: `ribbon bar-${fate}` }, [tip(`${caller} to ${command}: ${number(count)}`)]);
}

function take(place, count) {
  const top = place.y + place.taken;
  place.taken += (place.size * count) / place.count;
  return [top, place.y + place.taken];
}

function nodes(places, x, beside, anchor) {
  return [...places].flatMap(([name, { y, size, count }]) => [
    svg('rect', { x, y, width: SIZE.thickness, height: size, class: 'node' }, [
      tip(`${name}: ${number(count)}`),
    ]),
    svg('text', { x: x + beside, y: y + size / 2, dy: '0.35em', 'text-anchor': anchor }, [
      shortened(name, 34),
      tip(name),
    ]),
  ]);
}
