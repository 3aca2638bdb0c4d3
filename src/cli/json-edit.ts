// Inserts items into a list of a JSON text; each other byte of the text stays. Bundled with jsonc-parser at
// build time, so it imports nothing else.

import { getNodeValue, modify, parseTree } from 'jsonc-parser';

/**
 * The text with `items` at `index` of the list at `path`. A list that does not exist is added, at the end of its
 * object; `path` up to the list must exist. The items are indented as the text is, and have its line ends.
 */
export function insertItems(
  text: string,
  path: readonly string[],
  index: number,
  items: readonly unknown[],
): string {
  const bom = text.startsWith('\uFEFF') ? '\uFEFF' : '';
  const json = text.slice(bom.length);
  const layout = layoutOf(json);
  const isList = listAt(json, path);
  // The position and the commas are those of jsonc-parser; its formatter would change what is on the same line.
  const place = isList
    ? modify(json, [...path, index], 0, { isArrayInsertion: true })
    : modify(json, [...path], [], {});
  const { offset, content } = place[0] as { offset: number; content: string };
  const depth = path.length + (isList ? 1 : 0);
  const inserted = isList
    ? items.map(item => indented(item, depth, layout))
    : [`${JSON.stringify(path.at(-1))}: ${indented(items, depth, layout)}`];
  const before = content.startsWith(',') ? ',' : '';
  const after = content.endsWith(',') ? ',' : '';
  const start = `${layout.eol}${layout.indent.repeat(depth)}`;
  const body = `${before}${inserted.map(item => start + item).join(',')}${after}`;
  return bom + json.slice(0, offset) + body + ending(json, offset, after, depth, layout) + json.slice(offset);
}

/** A line end between the inserted text and the rest of the line, if there is none yet. */
function ending(json: string, offset: number, after: string, depth: number, { eol, indent }: Layout): string {
  if (/^[ \t]*(?:,|\r?\n)/.test(json.slice(offset))) return '';
  return eol + indent.repeat(after === '' ? depth - 1 : depth);
}

interface Layout {
  readonly indent: string;
  readonly eol: string;
}

function layoutOf(json: string): Layout {
  return {
    indent: /^([ \t]+)"/m.exec(json)?.[1] ?? '  ',
    eol: /\r?\n/.exec(json)?.[0] ?? '\n',
  };
}

function listAt(json: string, path: readonly string[]): boolean {
  const root = parseTree(json);
  const value: unknown = root && getNodeValue(root);
  const at = path.reduce<unknown>(
    (object, key) => (object as Record<string, unknown> | undefined)?.[key],
    value,
  );
  return Array.isArray(at);
}

/** As JSON, with all lines but the first at that depth. */
function indented(value: unknown, depth: number, { indent, eol }: Layout): string {
  return JSON.stringify(value, null, indent).replaceAll('\n', eol + indent.repeat(depth));
}
