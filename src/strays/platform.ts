// Detects the runtime and the system. docs/platforms.md describes what closefds does there.

export interface PlatformInfo {
  readonly platform: string;
  readonly versions: Readonly<Record<string, string | undefined>>;
}

/** A sentence without a full stop about a runtime that is not Node; undefined in Node. */
export function otherRuntime({ versions }: PlatformInfo = process): string | undefined {
  if (versions.bun !== undefined)
    return `closefds is made for Node.js and this is Bun ${versions.bun}: what goes through node:child_process in the main thread is guarded; Bun.spawn(), Bun.$ and workers are not judged`;
  if (versions.deno !== undefined)
    return `closefds is made for Node.js and this is Deno ${versions.deno}: what goes through node:child_process in the main thread is guarded; Deno.Command, workers and programs started by fork() are not judged`;
  return undefined;
}

/** What keeps strays from children: the system itself, the addon, or nothing (`'nobody'`). */
export function whoCloses({ platform }: PlatformInfo = process): 'system' | 'addon' | 'nobody' {
  if (platform === 'linux') return 'addon';
  // macOS: POSIX_SPAWN_CLOEXEC_DEFAULT. Windows: handles are not inherited unless they are made so.
  return platform === 'darwin' || platform === 'win32' ? 'system' : 'nobody';
}

/** Deno asks for a permission where Node does not. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'NotCapable';
}
