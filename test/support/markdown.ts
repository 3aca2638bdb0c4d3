// Parts of a page.

/** The bodies of the fenced blocks in a language. */
export function fences(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , body = '']) => body);
}

/** What stands below a heading, up to the next of any level. */
export function section(text: string, heading: string): string {
  const [, ...parts] = text.split(/^#+ /m);
  const found = parts.find(part => part.split('\n', 1)[0] === heading);
  if (found === undefined) throw new Error(`no heading "${heading}" in the page`);
  return found;
}

/** What stands below a heading of the second level, with the headings below it. */
export function chapter(text: string, heading: string): string {
  const [, ...chapters] = text.split(/^## /m);
  const found = chapters.find(part => part.split('\n', 1)[0] === heading);
  if (found === undefined) throw new Error(`no chapter "${heading}" in the page`);
  return found;
}
