// Reads what closefds prints: a warning names one FD, or lists several.

/** The strays that warnings name, up to ten each. */
export function strayNumbers(stderr: string): number[] {
  return [...stderr.matchAll(/stray FDs? (\d+(?:, \d+)*(?: and \d+(?! more))?)/g)].flatMap(
    ([, numbers = '']) => (numbers.match(/\d+/g) ?? []).map(Number),
  );
}

/** `3 --status-fd 3` for each FD of which a warning says that it is announced to the child. */
export function announcements(stderr: string): string[] {
  const fds = /FD (\d+)(?: \(| and|:).*; announced to the child by "(.*)"/g;
  return [...stderr.matchAll(fds)].map(([, fd, text]) => `${fd} ${text}`);
}

/** The first line of each, then its advice without the reference to the page. */
export function toWarnings(stderr: string): string[] {
  const warnings = stderr.matchAll(/ClosefdsWarning: (.*)\n([\s\S]*?)\s*See docs/g);
  return [...warnings].flatMap(([, message = '', advice = '']) => [message, advice]);
}
