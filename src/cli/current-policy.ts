import { loadCompat } from '../policy/compat-table';
import { type Policy, policyOf } from '../policy/rule';
import type { Settings } from '../policy/settings';

/** The policy that is in force now for an app with these settings. */
export function currentPolicy({ config }: Pick<Settings, 'config'>): Policy {
  return policyOf(config, () => loadCompat().rules, Date.now());
}
