// The C library functions that a native addon imports, from its table of dynamic symbols.
//
// Pure: bytes in, names out. An import does not prove a call, and the table does not show the call's
// arguments (O_CLOEXEC or not).

/** Functions that start a process, which gets every FD that is not close-on-exec. */
const STARTERS = new Set([
  'fork',
  '__fork',
  'vfork',
  'forkpty',
  'posix_spawn',
  'posix_spawnp',
  'popen',
  'system',
  'execve',
  'execv',
  'execvp',
  'execl',
  'execlp',
  'execle',
  'execvpe',
  'fexecve',
]);
/** Functions that open an FD without close-on-exec, unless a flag asks for it. */
const OPENERS = new Set([
  ...[
    'open',
    'open64',
    'openat',
    'openat64',
    'creat',
    'creat64',
    '__open_2',
    '__open64_2',
    'fopen',
    'fopen64',
  ],
  ...[
    'socket',
    'socketpair',
    'accept',
    'pipe',
    'dup',
    'epoll_create',
    'inotify_init',
    'eventfd',
    'timerfd_create',
  ],
  ...[
    'openpty',
    'posix_openpt',
    'getpt',
    'mkstemp',
    'mkstemp64',
    'memfd_create',
    'signalfd',
    'pcap_open_live',
  ],
]);

export interface AddonImports {
  readonly starters: readonly string[];
  readonly openers: readonly string[];
}

/** Undefined if the bytes are not a readable ELF file. */
export function addonImports(bytes: Buffer): AddonImports | undefined {
  const imported = importedSymbols(bytes);
  if (imported === undefined) return undefined;
  const those = (names: ReadonlySet<string>) =>
    [...new Set(imported.filter(name => names.has(name)).map(plain))].sort();
  return { starters: those(STARTERS), openers: those(OPENERS) };
}

/** The plain name of a variant: `open` of `open64` and `__open_2`. */
function plain(name: string): string {
  return name.replace(/^__/, '').replace(/(?:64)?(?:_2)?$/, '');
}

const DYNSYM = 11;

/** The undefined symbols of `.dynsym`: ELF, 64 or 32 bits, of either byte order. */
export function importedSymbols(bytes: Buffer): readonly string[] | undefined {
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46) return undefined;
  try {
    return read(bytes, bytes[4] === 2, bytes[5] === 1);
  } catch {
    // A truncated file, or another format with the same first bytes.
    return undefined;
  }
}

function read(bytes: Buffer, is64: boolean, isLittle: boolean): readonly string[] {
  const u16 = (at: number) => (isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const u32 = (at: number) => (isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const word = (at: number) =>
    is64 ? Number(isLittle ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at)) : u32(at);

  const sections = word(is64 ? 0x28 : 0x20);
  const [size, count] = [u16(is64 ? 0x3a : 0x2e), u16(is64 ? 0x3c : 0x30)];
  const section = (index: number) => {
    const at = sections + index * size;
    return is64
      ? { type: u32(at + 4), offset: word(at + 0x18), size: word(at + 0x20), link: u32(at + 0x28) }
      : { type: u32(at + 4), offset: u32(at + 0x10), size: u32(at + 0x14), link: u32(at + 0x18) };
  };

  const names: string[] = [];
  for (let index = 0; index < count; index++) {
    const symbols = section(index);
    if (symbols.type !== DYNSYM) continue;
    const strings = section(symbols.link);
    const entry = is64 ? 24 : 16;
    for (let at = symbols.offset; at + entry <= symbols.offset + symbols.size; at += entry) {
      if (u16(at + (is64 ? 6 : 14)) !== 0) continue;
      const from = strings.offset + u32(at);
      const name = bytes.toString('latin1', from, bytes.indexOf(0, from));
      if (name !== '') names.push(name);
    }
  }
  return names;
}
