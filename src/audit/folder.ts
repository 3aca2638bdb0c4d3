// The folder of an audit, as the audited processes use it. Its protocol is in src/audit/protocol.ts.

import fs = require('node:fs');
import path = require('node:path');

import { type AuditNote, type AuditTools, NOTES_SUFFIX, TOOLS_FILE, TRACE_SUFFIX } from './protocol';

// Taken at load: programs replace functions of `fs`.
const { appendFileSync, chownSync, readFileSync, statSync, writeFileSync } = fs;

export interface AuditFolder {
  readonly tools: AuditTools;
  /** Creates the file of a new trace, owned by the user that will write it, and returns its path. */
  readonly newTrace: (owner: { readonly uid: number; readonly gid: number } | undefined) => string;
  readonly append: (note: AuditNote) => void;
  /** Whether any user can open its files by name: TMPDIR may be a user's private folder. */
  readonly isOpenToAll: () => boolean;
}

/** `thread`: 0 is the main thread. */
export function openAuditFolder(folder: string, thread: number): AuditFolder {
  const prefix = path.join(folder, `${process.pid}-${thread}`);
  let traces = 0;
  return {
    tools: readTools(path.join(folder, TOOLS_FILE)),

    newTrace(owner) {
      traces++;
      const file = `${prefix}-${traces}${TRACE_SUFFIX}`;
      writeFileSync(file, '', { flag: 'wx', mode: 0o600 });
      if (owner !== undefined) chownSync(file, owner.uid, owner.gid);
      return file;
    },

    isOpenToAll: () => ancestors(folder).every(ancestor => (statSync(ancestor).mode & 0o001) !== 0),

    append(note) {
      appendFileSync(`${prefix}${NOTES_SUFFIX}`, `${JSON.stringify(note)}\n`, { mode: 0o600 });
    },
  };
}

function ancestors(folder: string): string[] {
  const above = path.dirname(folder);
  return above === folder ? [folder] : [folder, ...ancestors(above)];
}

/** A daemon may outlive the audit and start programs after the folder was removed. */
function readTools(file: string): AuditTools {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as AuditTools;
  } catch (error) {
    return { problem: `the audit is over: ${(error as Error).message}` };
  }
}
