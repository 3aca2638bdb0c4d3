// stdout of a command: colours, pipes that end early, and flushing.

interface Output {
  readonly isTTY?: boolean;
}

/** By NO_COLOR (https://no-color.org) and FORCE_COLOR (as Node reads it); else whether stdout is a terminal. */
export function colourOf({ isTTY }: Output, env: NodeJS.ProcessEnv): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return isTTY === true && env.TERM !== 'dumb';
}

/** `closefds ... | head` is no error; the exit code still reports the result. */
export function endQuietlyOnEpipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.stderr.write(`closefds: stdout cannot be written: ${error.message}\n`);
    process.exit(1);
  });
}

/** Resolves when the text is written, so that later text on stderr comes after it. */
export function writeOut(text: string): Promise<void> {
  return new Promise(resolve => {
    process.stdout.write(text, () => resolve());
  });
}
