// Identifies the runtime and the system, and what closefds can do there: see docs/limits.md.

export interface PlatformInfo {
  readonly platform: string;
  readonly versions: Readonly<Record<string, string | undefined>>;
}

/** What closefds guards in another runtime, as a sentence without a full stop. Undefined in Node. */
export function otherRuntime({ versions }: PlatformInfo = process): string | undefined {
  if (versions.bun !== undefined)
    return `closefds is made for Node.js and this is Bun ${versions.bun}: what goes through node:child_process in the main thread is guarded; Bun.spawn(), Bun.$ and workers are not judged`;
  if (versions.deno !== undefined)
    return `closefds is made for Node.js and this is Deno ${versions.deno}: what goes through node:child_process in the main thread is guarded; Deno.Command, workers and programs started by fork() are not judged`;
  return undefined;
}

/** What keeps strays from children: the system itself, the addon, or nothing. */
export function whatCloses({ platform }: PlatformInfo = process): 'system' | 'addon' | 'nothing' {
  if (platform === 'linux') return 'addon';
  // macOS: libuv uses POSIX_SPAWN_CLOEXEC_DEFAULT. Windows: a handle is inheritable only if it is opened so.
  return platform === 'darwin' || platform === 'win32' ? 'system' : 'nothing';
}

/** Whether Deno refused a permission. Node's own refusals have another name. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'NotCapable';
}
