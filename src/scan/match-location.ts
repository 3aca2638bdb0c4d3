// Finds the place in a scan's result for a call that was seen at run time.

import path = require('node:path');

import type { Place } from './location';

export type FindPlace = (file: string, line: number) => Place | undefined;

/** `root`: the folder that was scanned. Files have real paths, lines count from 1. */
export function createFindPlace(places: readonly Place[], root: string): FindPlace {
  const calls = new Map<string, Place>();
  const parts = new Map<string, Place>();
  for (const place of places) {
    const file = path.resolve(root, place.file);
    add(calls, `${file}:${place.line}`, place);
    for (const line of place.lines) add(parts, `${file}:${line}`, place);
  }
  // A stack has the line of the call. For a call of several lines, it may have any of them.
  return (file, line) => calls.get(`${file}:${line}`) ?? parts.get(`${file}:${line}`);
}

/** Keeps the first place of a line, which has the highest confidence. */
function add(map: Map<string, Place>, key: string, place: Place): void {
  if (!map.has(key)) map.set(key, place);
}
