// A table of text, as wide as the terminal: what does not fit goes on in the next line of its cell.

import { displayWidth } from './sanitize';

export interface Column {
  readonly title: string;
  readonly align?: 'right';
  /** May be narrower than its text. */
  readonly flexible?: boolean;
}

export interface TableOptions<S> {
  /** undefined, or 0: as wide as it takes. */
  readonly columns: number | undefined;
  readonly style: S;
}

interface Cell<S> {
  readonly text: string;
  readonly style?: keyof S;
}

type Styler = (text: string) => string;

const GAP = '  ';
const NARROWEST = 10;

export function toTable<S extends { readonly bold: Styler } & { readonly [K in keyof S]: Styler }>(
  columns: readonly Column[],
  rows: ReadonlyArray<ReadonlyArray<Cell<S>>>,
  { columns: room, style }: TableOptions<S>,
): string {
  const header = columns.map(({ title }): Cell<S> => ({ text: title, style: 'bold' }));
  const all = [header, ...rows];
  const widths = widthsOf(columns, all, room);
  return all.flatMap(row => linesOf(row)).join('\n');

  function linesOf(row: ReadonlyArray<Cell<S>>): string[] {
    const cells = row.map(({ text }, index) => wrap(text, widths[index] ?? 0));
    const height = Math.max(...cells.map(lines => lines.length));
    return Array.from({ length: height }, (_, line) =>
      cells
        .map((lines, index) => {
          const { text, space } = padded(lines[line] ?? '', index);
          const name = row[index]?.style;
          const styled = name === undefined || text === '' ? text : style[name](text);
          return columns[index]?.align === 'right' ? space + styled : styled + space;
        })
        .join(GAP)
        .trimEnd(),
    );
  }

  function padded(text: string, index: number) {
    return { text, space: ' '.repeat(Math.max(0, (widths[index] ?? 0) - displayWidth(text))) };
  }
}

function widthsOf<S>(
  columns: readonly Column[],
  rows: ReadonlyArray<ReadonlyArray<Cell<S>>>,
  room: number | undefined,
): number[] {
  const widths = columns.map((_, index) =>
    rows.reduce((most, row) => Math.max(most, displayWidth(row[index]?.text ?? '')), 0),
  );
  // 0: a terminal that nobody told its size, as of a container.
  if (room === undefined || room === 0) return widths;
  // The widest gives way first.
  const flexible = [...columns.keys()].filter(index => columns[index]?.flexible);
  const total = () => widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length);
  while (total() > room) {
    const widest = flexible.reduce((a, b) => ((widths[b] ?? 0) > (widths[a] ?? 0) ? b : a), flexible[0] ?? 0);
    const width = widths[widest] ?? 0;
    if (width <= NARROWEST) break;
    widths[widest] = width - 1;
  }
  return widths;
}

/** At spaces, else behind slashes, else anywhere. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = [...text];
  while (displayWidth(rest.join('')) > width) {
    const fitting = fittingOf(rest, width);
    const space = rest.lastIndexOf(' ', fitting);
    const slash = rest.lastIndexOf('/', fitting - 1);
    const end = space > 0 ? space : slash > fitting / 2 ? slash + 1 : fitting;
    lines.push(rest.slice(0, end).join(''));
    rest = rest.slice(rest[end] === ' ' ? end + 1 : end);
  }
  return [...lines, rest.join('')];
}

function fittingOf(characters: readonly string[], width: number): number {
  let taken = 0;
  const index = characters.findIndex(character => {
    taken += displayWidth(character);
    return taken > width;
  });
  return Math.max(1, index < 0 ? characters.length : index);
}
