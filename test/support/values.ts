// Values of the core, with defaults for what a test does not care about.

import { APP, type Caller } from '../../src/model/caller';
import { type ChildFd, type SpawnCall, UNKNOWN_FILE } from '../../src/model/spawn-request';
import { NO_STDIO } from '../../src/model/stdio';

export function call(given: Partial<SpawnCall>): SpawnCall {
  return {
    route: 'spawn',
    command: 'sh',
    args: [],
    environment: () => [],
    stdio: NO_STDIO,
    sync: false,
    explicit: undefined,
    unsafe: undefined,
    native: false,
    ...given,
  };
}

export function caller(given: Partial<Caller>): Caller {
  return {
    name: APP,
    version: undefined,
    declaredName: undefined,
    file: undefined,
    fileInPackage: undefined,
    line: undefined,
    column: undefined,
    function: undefined,
    launchers: [],
    ...given,
  };
}

export function crossing(given: Partial<ChildFd>): ChildFd {
  return {
    kind: 'fd',
    childFd: 3,
    sourceFd: undefined,
    file: UNKNOWN_FILE,
    explicit: false,
    atStart: false,
    ...given,
  };
}

export function stray(fd: number): ChildFd {
  return crossing({ kind: 'stray', childFd: fd, sourceFd: fd });
}
