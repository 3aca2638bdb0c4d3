// The section on findings over time.

import { choice, element, legend, nothing, svg, table, tip } from './parts.mjs';
import { DISPOSITIONS } from './tally.mjs';
import { duration, moment, number } from './words.mjs';

const NAMES = Object.fromEntries(DISPOSITIONS.map(name => [name, name]));

export function timeline({ start, seconds, series }) {
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
    box.replaceChildren(chart(buckets), timeTable(buckets, seconds));
  };
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

/** The widest bar, in a chart that is 1000 wide. */
const WIDEST = 60;

function chart(buckets) {
  const [width, height] = [1000, 160];
  const most = Math.max(1, ...buckets.map(({ counts }) => counts.reduce((a, b) => a + b)));
  const step = width / buckets.length;
  // Keeps a few bars from filling the whole width.
  const bar = Math.min(step * 0.84, WIDEST);
  const bars = buckets.flatMap(({ time, counts }, index) => {
    let y = height;
    return counts.flatMap((count, which) => {
      if (count === 0) return [];
      // A count above 0 must be visible.
      const size = Math.max(2, (height * count) / most);
      y -= size;
      const name = DISPOSITIONS[which];
      const place = { x: index * step + (step - bar) / 2, y: Math.max(0, y), width: bar, height: size };
      return [
        svg('rect', { ...place, class: `bar-${name}` }, [tip(`${moment(time)}: ${number(count)} ${name}`)]),
      ];
    });
  });
  const sum = buckets.reduce((sum, { counts }) => sum + counts.reduce((a, b) => a + b), 0);
  const picture = svg(
    'svg',
    { viewBox: `0 0 ${width} ${height}`, class: 'chart', role: 'img', preserveAspectRatio: 'none' },
    [
      svg('title', {}, [
        `${number(sum)} findings over time, at most ${number(most)} at once; the table below has the numbers`,
      ]),
      ...bars,
    ],
  );
  return element('div', { class: 'chart-box' }, [
    element('p', { class: 'most' }, [number(most)]),
    picture,
    element(
      'p',
      { class: 'axis' },
      (buckets.length === 1 ? buckets : [buckets[0], buckets.at(-1)]).map(({ time }) =>
        element('span', {}, [moment(time)]),
      ),
    ),
  ]);
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
