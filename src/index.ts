// The public API.

export { ClosefdsError, type ErrorCode } from './base/errors';
export { type Status, type StatusCounts, status } from './preload/status';
export {
  type ChildWithFds,
  type FdSource,
  type FdSources,
  unsafe,
  type WithFds,
  withFds,
} from './spawn/with-fds';
