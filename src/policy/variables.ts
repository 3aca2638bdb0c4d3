// The environment variables that closefds reads.

export const VARIABLE_PREFIX = 'CLOSEFDS_';

/** The environment variable with the path of the folder of an audit. */
export const AUDIT_VARIABLE = 'CLOSEFDS_AUDIT';

/** Those of the operator, in the order of docs/policy.md. */
export const VARIABLES: readonly string[] = [
  'CLOSEFDS_MODE',
  'CLOSEFDS_CONFIG',
  'CLOSEFDS_REPORT',
  'CLOSEFDS_REPORT_INTERVAL',
  'CLOSEFDS_WARNINGS',
  'CLOSEFDS_ANNOUNCE',
  'CLOSEFDS_DEEP',
  'CLOSEFDS_APP',
];

/** Set by `closefds audit`. */
const INTERNAL: readonly string[] = [AUDIT_VARIABLE, 'CLOSEFDS_LD_PRELOAD'];

/** For the tests of closefds, and what Kubernetes sets for a service whose name begins with "closefds". */
const FOREIGN = /^CLOSEFDS_(?:TEST_|(?:\w+_)?(?:SERVICE_(?:HOST|PORT)|PORT_\d+_(?:TCP|UDP|SCTP))|PORT$)/;

/** The names of variables with the prefix of closefds that it does not read, as after a typing mistake. Without empty ones. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env).filter(
    name =>
      name.startsWith(VARIABLE_PREFIX) &&
      !VARIABLES.includes(name) &&
      !INTERNAL.includes(name) &&
      Boolean(env[name]) &&
      !FOREIGN.test(name),
  );
}
