// The table of a live report on a terminal: redrawn in place on the second screen, which leaves what was there
// before as it was. At the end, the whole table is printed on the first one.

import type { WriteStream } from 'node:tty';
import { toText } from '../../report/render-text';
import type { Report } from '../../report/report';
import { colourOf, writeOut } from '../terminal';
import type { LiveView } from './live-report';

// The control sequences of xterm, which all terminals of today know (ECMA-48, and DEC's private modes).
const HIDE = { screen: '\x1b[?1049h', cursor: '\x1b[?25l', wrap: '\x1b[?7l' };
const RESTORE = { wrap: '\x1b[?7h', cursor: '\x1b[?25h', screen: '\x1b[?1049l' };
const TO_TOP = '\x1b[H';
const END_OF_LINE = '\x1b[K';
const REST_OF_SCREEN = '\x1b[J';

/** Where a terminal does not say. */
const ROWS = 24;

export function createTerminalView(stdout: WriteStream, env: NodeJS.ProcessEnv): LiveView {
  const colour = colourOf(stdout, env);
  let last: Report | undefined;
  let isInside = false;

  process.once('exit', leave);
  stdout.on('resize', draw);
  process.on('SIGTSTP', suspend);
  process.on('SIGCONT', draw);

  return {
    staysOpen: false,
    show(report) {
      last = report;
      draw();
    },
    async end(report) {
      leave();
      process.removeListener('exit', leave);
      stdout.removeListener('resize', draw);
      process.removeListener('SIGTSTP', suspend);
      process.removeListener('SIGCONT', draw);
      await writeOut(textOf(report));
    },
  };

  function draw(): void {
    if (last === undefined) return;
    const enter = isInside ? '' : Object.values(HIDE).join('');
    isInside = true;
    const lines = fitted(textOf(last).trimEnd().split('\n'), stdout.rows ?? ROWS);
    const screen = lines.map(line => line + END_OF_LINE).join('\n');
    stdout.write(`${enter}${TO_TOP}${screen}${REST_OF_SCREEN}`);
  }

  function leave(): void {
    if (isInside) stdout.write(Object.values(RESTORE).join(''));
    isInside = false;
  }

  /** Ctrl-Z: gives the screen back before the process stops. */
  function suspend(): void {
    leave();
    process.kill(process.pid, 'SIGSTOP');
  }

  function textOf(report: Report): string {
    return toText(report, { colour, columns: stdout.columns });
  }
}

/** With a last line that says what to do. */
function fitted(lines: readonly string[], rows: number): string[] {
  const room = Math.max(1, rows - 2);
  const more = lines.length - room;
  const note = more > 0 ? `${more.toLocaleString('en')} more lines; ` : '';
  return [...lines.slice(0, room), '', `${note}Ctrl-C ends, and prints all of it.`].slice(-rows);
}
