// Prints text in columns: aligned lines, and tables that wrap cells to fit the terminal.

import { displayWidth } from './sanitize';

export interface Column {
  readonly title: string;
  readonly align?: Align;
  /** Whether the column may be narrower than its text. */
  readonly flexible?: boolean;
  /** The least width of a flexible column. Default: 10. */
  readonly narrowest?: number;
}

export interface TableOptions<S> {
  /** The width of the terminal in columns. With undefined or 0, the table is as wide as its text. */
  readonly columns: number | undefined;
  readonly style: S;
}

interface TableCell<S> {
  readonly text: string;
  readonly style?: keyof S;
}

type Align = 'left' | 'right';
type Styler = (text: string) => string;
type TableRow<S> = ReadonlyArray<TableCell<S>>;

const GAP = '  ';
const NARROWEST = 10;

/** Returns one line for each row. Columns are as wide as their longest cell, and left-aligned by default. */
export function alignColumns(
  rows: readonly (readonly string[])[],
  aligns: readonly (Align | undefined)[] = [],
): string[] {
  const widths = naturalWidths(rows);
  return rows.map(row =>
    row
      .map((text, index) => pad(text, text, widths[index] ?? 0, aligns[index]))
      .join(GAP)
      .trimEnd(),
  );
}

export function toTable<S extends { readonly bold: Styler } & { readonly [K in keyof S]: Styler }>(
  columns: readonly Column[],
  rows: ReadonlyArray<TableRow<S>>,
  { columns: room, style }: TableOptions<S>,
): string {
  const header = columns.map(({ title }): TableCell<S> => ({ text: title, style: 'bold' }));
  const all = [header, ...rows];
  const natural = naturalWidths(all.map(row => row.map(({ text }) => text)));
  // 0: the terminal's size is not set, as in some containers.
  const widths = room === undefined || room === 0 ? natural : fittedWidths(natural, columns, room);
  return all.flatMap(row => toLines(row, columns, widths, style)).join('\n');
}

/** A row has as many lines as its highest cell. */
function toLines<S extends { readonly [K in keyof S]: Styler }>(
  row: TableRow<S>,
  columns: readonly Column[],
  widths: readonly number[],
  style: S,
): string[] {
  const cells = row.map(({ text }, index) => wrap(text, widths[index] ?? 0));
  const height = Math.max(...cells.map(lines => lines.length));
  const toLine = (line: number) =>
    cells.map((lines, index) => {
      const text = lines[line] ?? '';
      const name = row[index]?.style;
      const styled = name === undefined || text === '' ? text : style[name](text);
      return pad(styled, text, widths[index] ?? 0, columns[index]?.align);
    });
  return Array.from({ length: height }, (_, line) => toLine(line).join(GAP).trimEnd());
}

/** `styled` is `text` with escape sequences, which have no width. */
function pad(styled: string, text: string, width: number, align: Align = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'right' ? space + styled : styled + space;
}

// ---------------------------------------------------------------------------------------------
// Widths
// ---------------------------------------------------------------------------------------------

function naturalWidths(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, text] of row.entries())
      widths[index] = Math.max(widths[index] ?? 0, displayWidth(text));
  return widths;
}

/** Narrows the widest flexible column until all of them fit. */
function fittedWidths(natural: readonly number[], columns: readonly Column[], room: number): number[] {
  const widths = [...natural];
  const narrowest = (index: number) => columns[index]?.narrowest ?? NARROWEST;
  const isFlexible = (index: number) => columns[index]?.flexible && (widths[index] ?? 0) > narrowest(index);
  const total = () => widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length);
  while (total() > room) {
    const flexible = [...columns.keys()].filter(isFlexible);
    const [first] = flexible;
    if (first === undefined) break;
    const widest = flexible.reduce((a, b) => ((widths[b] ?? 0) > (widths[a] ?? 0) ? b : a), first);
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

/** Breaks lines at spaces if possible, otherwise after slashes, otherwise anywhere. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = [...text];
  while (displayWidth(rest.join('')) > width) {
    const fitting = fittingLength(rest, width);
    const space = rest.lastIndexOf(' ', fitting);
    const slash = rest.lastIndexOf('/', fitting - 1);
    const end = space > 0 ? space : slash > fitting / 2 ? slash + 1 : fitting;
    lines.push(rest.slice(0, end).join(''));
    rest = rest.slice(rest[end] === ' ' ? end + 1 : end);
  }
  return [...lines, rest.join('')];
}

/** The number of characters that fit into `width` columns; at least one. */
function fittingLength(characters: readonly string[], width: number): number {
  let taken = 0;
  const index = characters.findIndex(character => {
    taken += displayWidth(character);
    return taken > width;
  });
  return Math.max(1, index < 0 ? characters.length : index);
}
