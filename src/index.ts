// The public API.

export { type ChildWithFds, type FdSource, type FdSources, unsafe, type WithFds, withFds } from './designate';
export { ClosefdsError, type ErrorCode } from './errors';
