// Converts slots from and to the form that Node's C++ code takes, which getValidStdio() makes of an array.

interface HandleForm {
  readonly type?: string;
  readonly fd?: number;
  readonly ipc?: boolean;
  readonly handle?: object;
}

export function fromHandleForm(form: unknown): unknown {
  const { type, fd, ipc, handle } = (form ?? {}) as HandleForm;
  if (type === 'fd' || type === 'inherit') return fd;
  if (type === 'wrap') return { _handle: handle };
  return ipc === true ? 'ipc' : type;
}

export function toHandleForm(slot: unknown, form: unknown): unknown {
  if (slot === 'ignore' || slot === undefined) return { type: 'ignore' };
  return form === undefined || (typeof slot === 'number' && fromHandleForm(form) !== slot)
    ? { type: 'fd', fd: slot }
    : form;
}
