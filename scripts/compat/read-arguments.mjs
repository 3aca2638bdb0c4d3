// What a script was called with: its flags, and names. A flag that it does not know is refused: a
// mistyped --write must not pass for a run without it.
import { parseArgs } from 'node:util';

/** `readArguments('write', 'to=')` is `{ write: boolean, to: string | undefined, names }`. Ends the process with 2 at any other option. */
export function readArguments(...flags) {
  const options = Object.fromEntries(
    flags.map(flag =>
      flag.endsWith('=')
        ? [flag.slice(0, -1), { type: 'string' }]
        : [flag, { type: 'boolean', default: false }],
    ),
  );
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    return { ...values, names: positionals };
  } catch (error) {
    const known = flags.map(flag => `--${flag.replace('=', ' FILE')}`).join(', ') || 'names only';
    console.error(`${error.message.split('. ', 1)[0]}: expected ${known}`);
    process.exit(2);
  }
}
