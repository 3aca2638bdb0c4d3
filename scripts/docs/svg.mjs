// What the pictures of the documentation share: fonts, and colours for light and dark.

export const FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";

/** Colours by what they mean. The contrast of text is at least 4.5 to 1 on both backgrounds (WCAG AA). */
const COLOURS = {
  light: {
    back: '#ffffff',
    text: '#1f2328',
    quiet: '#59636e',
    bad: '#b42318',
    good: '#116329',
    bar: '#8c959f',
  },
  dark: {
    back: '#0d1117',
    text: '#e6edf3',
    quiet: '#9198a1',
    bad: '#ff8a80',
    good: '#56d364',
    bar: '#6e7681',
  },
};

/** A picture as a file of its own; `title` is what a screen reader says. */
export function svg({ width, height, title, style = '', body }) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(title)}">
<title>${escapeXml(title)}</title>
<style>
${variables(COLOURS.light)}
@media (prefers-color-scheme: dark) {
${variables(COLOURS.dark)}
}
text { font: 13px ${FONT}; fill: var(--text); white-space: pre; }
.back { fill: var(--back); }
.quiet { fill: var(--quiet); }
.bad { fill: var(--bad); }
.good { fill: var(--good); }
.bar { fill: var(--bar); }
${style}</style>
<rect class="back" width="${width}" height="${height}" rx="6"/>
${body}
</svg>
`;
}

function variables(colours) {
  const lines = Object.entries(colours).map(([name, value]) => `--${name}: ${value};`);
  return `svg { ${lines.join(' ')} }`;
}

export function escapeXml(text) {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
