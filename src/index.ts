// The public API.

export { ClosefdsError, type ErrorCode } from './errors';
