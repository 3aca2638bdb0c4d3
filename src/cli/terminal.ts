// stdout as commands use it: a terminal, a pipe that may end early, with colours or without.

interface Output {
  readonly isTTY?: boolean;
}

/** NO_COLOR and FORCE_COLOR as https://no-color.org and Node have them; a terminal otherwise. */
export function colourOf({ isTTY }: Output, env: NodeJS.ProcessEnv): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return isTTY === true && env.TERM !== 'dumb';
}

/** `closefds ... | head` is no error: who reads has what they want. What was found still is the exit code. */
export function endQuietlyOnEpipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.stderr.write(`closefds: stdout cannot be written: ${error.message}\n`);
    process.exit(1);
  });
}

/** Resolves when it is written, so that what follows on stderr comes after it. */
export function writeOut(text: string): Promise<void> {
  return new Promise(resolve => {
    process.stdout.write(text, () => resolve());
  });
}
