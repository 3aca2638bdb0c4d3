// The config: what a user may write, and the defaults. parse-config.ts reads it.

import type { Effect, Mode, Rule } from './rule';

/** What decides. */
export interface PolicyConfig {
  readonly mode: Mode | undefined;
  /** Whether the compat table's allowances hold. */
  readonly compat: boolean;
  /** What becomes of versions newer than the compat table knows. */
  readonly unverified: Effect;
  readonly aliases: Readonly<Record<string, string>>;
  readonly rules: readonly Rule[];
}

export interface Config extends PolicyConfig {
  /** A whole policy that is judged beside the one in force, and decides nothing. */
  readonly candidate: PolicyConfig | undefined;
  /** Globs of texts that no report may hold. */
  readonly redact: readonly string[];
  /** The report file, as it was written. */
  readonly report: string | undefined;
}

export const NO_CONFIG: Config = {
  mode: undefined,
  compat: true,
  unverified: 'warn',
  aliases: {},
  rules: [],
  candidate: undefined,
  redact: [],
  report: undefined,
};

export const POLICY_KEYS = ['mode', 'compat', 'unverified', 'aliases', 'rules'] as const;
export const CONFIG_KEYS = ['$schema', ...POLICY_KEYS, 'candidate', 'redact', 'report'] as const;
