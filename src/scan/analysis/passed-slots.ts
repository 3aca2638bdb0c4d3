// The slots of an array that a child gets beyond stdin, stdout and stderr.

import type { Kind } from '../../model/spawn-request';
import type { StdioArray } from './values/stdio-array';

export interface PassedSlots {
  readonly kinds: readonly Kind[];
  readonly slots: readonly number[];
  /** Whether there are slots with unknown numbers. */
  readonly more: boolean;
  /** Only unknown values are beyond stdio. */
  readonly isOpen: boolean;
}

/** The slots above 2, and message channels in any slot. */
export function passedSlots({ slots, rest }: StdioArray): PassedSlots | undefined {
  const kinds: Kind[] = [];
  const numbers: number[] = [];
  let isOpen = true;
  for (const [index, slot] of slots.entries()) {
    const passed = index >= 3 ? slot.kinds : slot.kinds.filter(kind => kind === 'ipc');
    if (passed.length === 0) continue;
    kinds.push(...passed);
    numbers.push(index);
    if (!slot.isOpen) isOpen = false;
  }
  const beyond =
    slots.length + rest.length > 3
      ? rest
      : rest.filter(slot => slots.length >= 3 || slot.kinds.includes('ipc') || !slot.isOpen);
  for (const slot of beyond) {
    kinds.push(...slot.kinds);
    if (!slot.isOpen && slot.kinds.length > 0) isOpen = false;
  }
  if (kinds.length === 0) return undefined;
  return {
    kinds: [...new Set(kinds)],
    slots: numbers,
    more: beyond.some(slot => slot.kinds.length > 0),
    isOpen,
  };
}
