// The commands, in the order in which help shows them.

import { audit } from './audit';
import { check } from './check';
import type { Commands } from './command-spec';
import { compat } from './compat';
import { completion } from './completion';
import { doctor } from './doctor';
import { explain } from './explain';
import { init } from './init';
import { learn } from './learn';
import { report } from './report';
import { run } from './run';
import { scan } from './scan';

export const COMMANDS: Commands = {
  audit,
  check,
  compat,
  completion,
  doctor,
  explain,
  init,
  learn,
  report,
  run,
  scan,
};
