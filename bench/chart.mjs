// The chart of docs/dev/performance.md: bars with their 95 % confidence intervals. Pure.

import { escapeXml, svg } from '../scripts/docs/svg.mjs';
import { bars } from './summary.mjs';

/** Pixels. */
const [WIDTH, MARGIN, LABEL, ROW, BAR] = [780, 16, 318, 22, 12];

/** Longer bars are cut, and end in an arrow; otherwise the others could not be told apart. */
const SCALE_BY = 0.75;

export function chart(results) {
  const parts = [];
  let top = MARGIN;
  for (const { title, bars: list } of bars(results)) {
    parts.push(`<text x="${MARGIN}" y="${top + 12}">${escapeXml(title)}</text>`);
    top += ROW;
    const scale = scaleOf(list);
    for (const bar of list) {
      parts.push(...drawn(bar, top, scale));
      top += ROW;
    }
    top += ROW;
  }
  return svg({
    width: WIDTH,
    height: top,
    title:
      'What closefds adds to a spawn and to a start, beside other ways to close FDs; the numbers are in the text',
    style: '.range { stroke: var(--text); stroke-width: 1.5; }\n.own { fill: var(--good); }\n',
    body: parts.join('\n'),
  });
}

/** The greatest value that is drawn to scale. */
function scaleOf(list) {
  const sorted = list.map(({ high }) => high).toSorted((a, b) => a - b);
  const [largest, quarter] = [
    sorted.at(-1),
    sorted[Math.floor(sorted.length * SCALE_BY) - 1] ?? sorted.at(-1),
  ];
  return largest > 4 * quarter ? 1.5 * quarter : largest;
}

function drawn({ label, median, low, high, own }, top, scale) {
  const room = WIDTH - 2 * MARGIN - LABEL - 150;
  const left = MARGIN + LABEL;
  const at = value => left + (Math.max(0, Math.min(value, scale)) / scale) * room;
  const middle = top + ROW / 2;
  const isCut = median > scale;
  const number = `${median.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]${isCut ? ', cut' : ''}`;
  return [
    `<text class="quiet" x="${MARGIN}" y="${middle + 4}">${escapeXml(label)}</text>`,
    `<rect class="${own ? 'own' : 'bar'}" x="${left}" y="${middle - BAR / 2}" width="${(at(median) - left).toFixed(1)}" height="${BAR}"/>`,
    ...(isCut ? [] : [`<path class="range" d="M${at(low).toFixed(1)} ${middle}H${at(high).toFixed(1)}"/>`]),
    `<text class="quiet" x="${(Math.max(at(median), at(high)) + 8).toFixed(1)}" y="${middle + 4}">${number}</text>`,
  ];
}
