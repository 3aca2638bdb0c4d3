// The section on findings over time.

import { choice, element, legend, nothing, svg, table, tip } from './parts.mjs';
import { DISPOSITIONS } from './tally.mjs';
import { duration, moment, number } from './words.mjs';

const NAMES = Object.fromEntries(DISPOSITIONS.map(name => [`outcome-${name}`, name]));

export function timeline({ start, seconds, series, modeChanges }) {
  if (start === undefined) return nothing();
  const box = element('div');
  const choose = choice([
    ['', 'strays and designated FDs'],
    ['stray', 'strays'],
    ['designated', 'designated FDs'],
  ]);
  const draw = () => {
    const chosen = series.filter(({ sort }) => choose.value === '' || sort === choose.value);
    const buckets = chosen[0].counts.map((_, index) => ({
      time: new Date(Date.parse(start) + index * seconds * 1000).toISOString(),
      counts: DISPOSITIONS.map(name =>
        chosen.reduce((sum, one) => sum + (one.disposition === name ? one.counts[index] : 0), 0),
      ),
    }));
    box.replaceChildren(chart(buckets, modeChanges, seconds), timeTable(buckets, seconds));
  };
  choose.dataset.key = 'kinds over time';
  choose.addEventListener('input', draw);
  draw();
  return element('div', {}, [
    element('div', { class: 'row' }, [
      element('label', { class: 'field' }, [element('span', {}, ['Show']), choose]),
      legend(NAMES),
    ]),
    box,
  ]);
}

function sum(counts) {
  return counts.reduce((a, b) => a + b, 0);
}

// ---------------------------------------------------------------------------------------------
// The chart: bars in SVG, which stretch, and text in HTML, which does not
// ---------------------------------------------------------------------------------------------

const [WIDTH, HEIGHT] = [1000, 160];
/** The widest bar. */
const WIDEST = 60;

function chart(buckets, modeChanges, seconds) {
  const most = Math.max(1, ...buckets.map(({ counts }) => sum(counts)));
  const ticks = ticksUpTo(most);
  const top = ticks.at(-1);
  const title = `${number(sum(buckets.map(({ counts }) => sum(counts))))} findings over time, at most ${number(most)} in ${duration(seconds)}; the table below has the numbers`;
  const picture = svg(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'chart', role: 'img', preserveAspectRatio: 'none' },
    [svg('title', {}, [title]), ...ticks.map(tick => gridLine(tick / top)), ...bars(buckets, top)],
  );
  const labels = ticks.map(tick => placed('span', 'tick', 'bottom', tick / top, [number(tick)]));
  return element('div', { class: 'chart-box' }, [
    element('p', { class: 'dim' }, [`Findings in each ${duration(seconds)}, on a linear scale`]),
    element('div', { class: 'plot' }, [
      element('div', { class: 'ticks', 'aria-hidden': 'true' }, labels),
      element('div', { class: 'bars' }, [picture, ...changeMarks(buckets, modeChanges)]),
    ]),
    element('p', { class: 'axis' }, axisTimes(buckets)),
    ...changeList(modeChanges),
  ]);
}

/** Round numbers, from 0 to the first above the largest count. */
function ticksUpTo(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(most / 4, 1)));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size * 4 >= most) ?? 10 * power;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step);
}

function gridLine(part) {
  const y = HEIGHT * (1 - part);
  return svg('path', { d: `M0 ${y}H${WIDTH}`, class: 'grid' });
}

function bars(buckets, top) {
  const step = WIDTH / buckets.length;
  // Keeps a few bars from filling the whole width.
  const width = Math.min(step * 0.84, WIDEST);
  return buckets.flatMap(({ time, counts }, index) => {
    let y = HEIGHT;
    return counts.flatMap((count, which) => {
      if (count === 0) return [];
      // A count above 0 must be visible.
      const height = Math.max(1, (HEIGHT * count) / top);
      y -= height;
      const name = DISPOSITIONS[which];
      const place = { x: index * step + (step - width) / 2, y: Math.max(0, y), width, height };
      return [
        svg('rect', { ...place, class: `outcome-${name}` }, [
          tip(`${moment(time)}: ${number(count)} ${name}`),
        ]),
      ];
    });
  });
}

function placed(name, className, edge, part, content) {
  const made = element(name, { class: className }, content);
  made.style[edge] = `${part * 100}%`;
  return made;
}

function changeMarks(buckets, modeChanges) {
  return modeChanges.map(({ time, to }) => {
    const index = buckets.findIndex(bucket => bucket.time >= time);
    const part = Math.max(index, 0) / buckets.length;
    // At the right edge, the label is on the left of its line.
    const name = part > 0.7 ? 'mode-change at-edge' : 'mode-change';
    return placed('span', name, 'left', part, [to.join(', ')]);
  });
}

function changeList(modeChanges) {
  if (modeChanges.length === 0) return [];
  const changes = modeChanges.map(
    ({ time, from, to }) => `${moment(time)}: ${from.join(', ')} to ${to.join(', ')}`,
  );
  return [element('p', { class: 'dim' }, [`Modes changed: ${changes.join('; ')}.`])];
}

function axisTimes(buckets) {
  const last = buckets.length - 1;
  const indexes =
    last < 1 ? [0] : last < 4 ? [0, last] : [0, 0.25, 0.5, 0.75, 1].map(part => Math.round(part * last));
  return indexes.map(index => element('span', {}, [moment(buckets[index].time)]));
}

function timeTable(buckets, seconds) {
  const rows = buckets
    .filter(({ counts }) => counts.some(count => count > 0))
    .map(({ time, counts }) => [
      { head: true, content: [moment(time)] },
      ...counts.map(count => ({ content: [number(count)], class: 'number' })),
    ]);
  return element('details', {}, [
    element('summary', {}, ['The numbers']),
    table({
      caption: `Findings for each ${duration(seconds)}, where there are any`,
      titles: ['From', ...DISPOSITIONS],
      rows,
    }),
  ]);
}
