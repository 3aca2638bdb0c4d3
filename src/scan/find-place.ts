// A call that was seen at run time, found among the places that the scan saw: one site, not two.

import path = require('node:path');

import type { Place } from './place';

export type FindPlace = (file: string, line: number) => Place | undefined;

/** `root`: the folder that was scanned. Files are told by their real paths, lines from 1. */
export function createFindPlace(places: readonly Place[], root: string): FindPlace {
  const calls = new Map<string, Place>();
  const parts = new Map<string, Place>();
  for (const place of places) {
    const file = path.resolve(root, place.file);
    add(calls, `${file}:${place.line}`, place);
    for (const line of place.lines) add(parts, `${file}:${line}`, place);
  }
  // A stack has the line of the call; of one that spans lines, sometimes another of them.
  return (file, line) => calls.get(`${file}:${line}`) ?? parts.get(`${file}:${line}`);
}

/** The surest stays: they are sorted so within a line. */
function add(map: Map<string, Place>, key: string, place: Place): void {
  if (!map.has(key)) map.set(key, place);
}
