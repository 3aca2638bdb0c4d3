// The commands, in the order in which help shows them.

import { check } from './check';
import type { Commands } from './command';
import { completion } from './completion';
import { doctor } from './doctor';
import { explain } from './explain';
import { run } from './run';

export const COMMANDS: Commands = {
  check,
  completion,
  doctor,
  explain,
  run,
};
