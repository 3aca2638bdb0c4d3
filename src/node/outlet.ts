// Where findings go: process warnings, with stable codes.
//
// So `--disable-warning=CLOSEFDS_STRAY`, `--trace-warnings`, `--redirect-warnings`, NODE_NO_WARNINGS
// and process.on('warning') work as for Node's own.

import type { Finding } from '../core/finding';
import { toAdvice, toMessage } from '../core/message';

const { emitWarning } = process;

export function warn(finding: Finding): void {
  emitWarning.call(process, toMessage(finding), {
    type: 'ClosefdsWarning',
    code: finding.code,
    detail: toAdvice(finding),
  });
}
