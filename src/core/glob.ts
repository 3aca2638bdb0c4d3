// Globs: `*` is any run of characters without a slash, `**` any run at all, `?` one character.
//
// Nothing else is special. What FDs point to is full of brackets (`pipe:[8123]`), so classes
// would only surprise; and Node's own path.matchesGlob is newer than the floor, Node 18.

const compiled = new Map<string, RegExp>();

/** Whether the whole of `text` fits the glob. */
export function matchesGlob(text: string, glob: string): boolean {
  let pattern = compiled.get(glob);
  if (pattern === undefined) {
    pattern = new RegExp(`^${glob.replace(/\*\*\/?|[\s\S]/g, translate)}$`, 'su');
    compiled.set(glob, pattern);
  }
  return pattern.test(text);
}

function translate(token: string): string {
  // `a/**/b` also fits `a/b`.
  if (token === '**/') return '(?:.*/)?';
  if (token === '**') return '.*';
  if (token === '*') return '[^/]*';
  if (token === '?') return '[^/]';
  return token.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
