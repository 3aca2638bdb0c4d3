// Makes the manual page from the help of all commands: one source, three forms.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

export function buildMan(root) {
  const require = createRequire(import.meta.url);
  const { COMMANDS } = require(path.join(root, 'dist', 'src', 'cli', 'commands.js'));
  const { version, description } = require(path.join(root, 'package.json'));
  const folder = path.join(root, 'dist', 'man');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'closefds.1'), page(COMMANDS, version, description));
}

function page(commands, version, description) {
  const sections = Object.entries(commands).flatMap(([name, { usage }]) => [
    `.SS ${name}`,
    '.nf',
    text(usage),
    '.fi',
  ]);
  return `${[
    `.TH CLOSEFDS 1 "" "closefds ${version}"`,
    '.SH NAME',
    text(`closefds - ${description}`),
    '.SH SYNOPSIS',
    '.nf',
    text('closefds COMMAND [ARGUMENTS]\nnode --require closefds/register app.js'),
    '.fi',
    '.SH COMMANDS',
    ...sections,
    '.SH ENVIRONMENT',
    text(
      'CLOSEFDS_MODE, CLOSEFDS_CONFIG, CLOSEFDS_REPORT, CLOSEFDS_REPORT_INTERVAL, CLOSEFDS_APP: see docs/policy.md in the package. NO_COLOR, FORCE_COLOR: colours of report.',
    ),
    '.SH EXIT STATUS',
    text(
      '0: done. 1: a problem was found. 2: a wrong call. 70: an error of closefds itself. audit, run: as their COMMAND, or 127 if it cannot be started.',
    ),
  ].join('\n')}\n`;
}

/** A backslash, and a dot or quote at the beginning of a line, mean something to roff; a bare "-" may become a hyphen. */
function text(plain) {
  return plain.trimEnd().replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^[.']/gm, '\\&$&');
}
