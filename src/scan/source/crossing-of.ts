// What of an array reaches a child beyond stdin, stdout and stderr.

import type { Kind } from '../../core/request';
import type { Slots } from './slots';

/** What of an array lies beyond stdio. A message channel does, wherever it stands. */
export function crossingOf({ slots, rest }: Slots): Crossing | undefined {
  const kinds: Kind[] = [];
  const numbers: number[] = [];
  let isOpen = true;
  for (const [index, slot] of slots.entries()) {
    const crossing = index >= 3 ? slot.kinds : slot.kinds.filter(kind => kind === 'ipc');
    if (crossing.length === 0) continue;
    kinds.push(...crossing);
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

export interface Crossing {
  readonly kinds: readonly Kind[];
  readonly slots: readonly number[];
  readonly more: boolean;
  /** Only values that are not known make it one. */
  readonly isOpen: boolean;
}
