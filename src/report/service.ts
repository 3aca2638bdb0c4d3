// Names services: the app, and its main script where one app has several.

import type { Group } from './aggregate';

type GroupService = Pick<Group, 'app' | 'script'>;

/** Names for all groups of a report: `api@2.1.0`, or `api@2.1.0 (worker.js)` if other groups have another script. */
export function createServiceTitle(
  groups: readonly GroupService[],
): (service: GroupService) => string | undefined {
  const scripts = new Map<string | undefined, Set<string | undefined>>();
  for (const { app, script } of groups) scripts.set(app, (scripts.get(app) ?? new Set()).add(script));
  return ({ app, script }) => {
    const isOne = (scripts.get(app)?.size ?? 0) <= 1;
    if (script === undefined || (isOne && app !== undefined)) return app;
    return app === undefined ? script : `${app} (${script})`;
  };
}
