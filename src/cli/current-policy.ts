import { loadCompat } from '../policy/compat-table';
import { type Policy, toPolicy } from '../policy/rule';
import type { Settings } from '../policy/settings';

/** The policy that is in force now for an app with these settings. */
export function currentPolicy({ config }: Pick<Settings, 'config'>): Policy {
  const { rules, aliases, unverified } = config;
  const compat = config.compat ? loadCompat().rules : [];
  return toPolicy({ rules, aliases, unverified, compat }, Date.now());
}
