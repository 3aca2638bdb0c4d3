// The types that values of conditions have: what config.schema.json says of each, and when one value
// covers another. Their parsers are in parse-value.ts.

import { matchesGlob } from '../base/glob';
import { isSubrange } from '../base/semver-range';
import type { Access, FileType, Kind } from '../model/spawn-request';
import { ACCESSES, FILE_TYPES, KINDS } from './rule';

export interface ValueTypes {
  readonly callerName: string;
  readonly packageNames: readonly string[];
  readonly range: string;
  readonly kinds: readonly Kind[];
  readonly fds: readonly number[];
  readonly glob: string;
  readonly fileType: FileType;
  readonly access: Access;
  readonly flag: boolean;
}

export type ValueName = keyof ValueTypes;

/** In config.schema.json, whose `$defs` these refer to. */
export const VALUE_SCHEMAS: { readonly [N in ValueName]: object } = {
  callerName: { anyOf: [{ enum: ['.', '*'] }, { $ref: '#/$defs/packageName' }] },
  packageNames: { type: 'array', items: { $ref: '#/$defs/packageName' }, minItems: 1, uniqueItems: true },
  range: { $ref: '#/$defs/text' },
  kinds: { type: 'array', items: { enum: KINDS }, minItems: 1, uniqueItems: true },
  fds: {
    type: 'array',
    items: { type: 'integer', minimum: 0, maximum: 0x7fffffff },
    minItems: 1,
    uniqueItems: true,
  },
  glob: { $ref: '#/$defs/text' },
  fileType: { enum: FILE_TYPES },
  access: { enum: ACCESSES },
  flag: { type: 'boolean' },
};

/** Whether the first value matches all that the second matches. Where that is not certain, no. */
export const VALUE_COVERS: {
  readonly [N in ValueName]: (wide: ValueTypes[N], narrow: ValueTypes[N] | undefined) => boolean;
} = {
  callerName: (wide, narrow) => wide === '*' || wide === narrow,
  // Another set of packages makes another caller of the same call.
  packageNames: (wide, narrow) => wide.length === narrow?.length && includesAll(wide, narrow),
  range: (wide, narrow) => narrow !== undefined && isSubrange(narrow, wide),
  kinds: includesAll,
  fds: includesAll,
  glob: (wide, narrow) =>
    wide === narrow || (narrow !== undefined && !/[*?]/.test(narrow) && matchesGlob(narrow, wide)),
  fileType: isSame,
  access: isSame,
  flag: isSame,
};

function includesAll<T>(wide: readonly T[], narrow: readonly T[] | undefined): boolean {
  return narrow?.every(one => wide.includes(one)) ?? false;
}

function isSame<T>(wide: T, narrow: T | undefined): boolean {
  return wide === narrow;
}

/** Whether a glob matches any text, or nearly any. */
export function isAnything(glob: string): boolean {
  return /^\/?\*\*?(?:\/\*\*?)?$/.test(glob);
}
