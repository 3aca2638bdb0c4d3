// The policy of a process, which changes when a rule expires.

import type { PolicyConfig } from '../policy/config';
import { findProgram } from '../policy/main-script';
import { type Policy, policyOf } from '../policy/rule';
import type { Settings } from '../policy/settings';

export interface PolicyInForceOptions extends Pick<Settings, 'script' | 'appRoot'> {
  readonly config: PolicyConfig;
  readonly compatRules: () => Policy['rules'];
  /** Called for each new policy. */
  readonly onBuilt?: (policy: Policy) => void;
}

/** Returns the policy in force, and builds it anew when a rule expires while the process runs. */
export function createPolicy({
  config,
  script,
  appRoot,
  compatRules,
  onBuilt,
}: PolicyInForceOptions): () => Policy {
  let policy: Policy | undefined;
  return () => {
    const now = Date.now();
    if (policy === undefined || now >= policy.validUntil) {
      policy = policyOf(config, compatRules, now, () => findProgram(script, appRoot));
      onBuilt?.(policy);
    }
    return policy;
  };
}
