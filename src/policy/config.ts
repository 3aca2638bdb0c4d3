// The config: what a user may write, and the defaults. parse-config.ts parses it.

import type { Effect, Mode, Rule } from './rule';

/** The part of a config that decides. */
export interface PolicyConfig {
  readonly mode: Mode | undefined;
  /** Whether the compat table's rules apply. */
  readonly compat: boolean;
  /** The effect for versions newer than the compat table knows. */
  readonly unverified: Effect;
  readonly aliases: Readonly<Record<string, string>>;
  readonly rules: readonly Rule[];
}

export interface Config extends PolicyConfig {
  /** A second policy, which is evaluated and reported, and decides nothing. */
  readonly candidate: PolicyConfig | undefined;
  /** Globs of texts that no report may contain. */
  readonly redact: readonly string[];
  /** Whether the start prints a line. */
  readonly announce: boolean;
  /** The report file, as the config names it. */
  readonly report: string | undefined;
  /** Whether processes that native code makes are guarded, too; docs/dev/how-it-works.md. */
  readonly deep: boolean | undefined;
}

export const NO_CONFIG: Config = {
  mode: undefined,
  compat: true,
  unverified: 'warn',
  aliases: {},
  rules: [],
  candidate: undefined,
  redact: [],
  announce: false,
  report: undefined,
  deep: undefined,
};

export const POLICY_KEYS = ['mode', 'compat', 'unverified', 'aliases', 'rules'] as const;
export const CONFIG_KEYS = [
  '$schema',
  ...POLICY_KEYS,
  'candidate',
  'redact',
  'announce',
  'report',
  'deep',
] as const;
