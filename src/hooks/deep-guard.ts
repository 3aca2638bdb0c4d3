// Connects the deep guard of the addon with the policy and the reports.
//
// Loaded only with the setting `deep`. The addon guards the processes that native code makes; here each loaded
// object gets its policy when it appears, and each process its finding afterwards.

import path = require('node:path');

import { messageOf } from '../base/errors';
import { type AnyFunction, replaceMethod } from '../base/wrap-function';
import type { NativePolicy } from '../policy/native-policy';
import type { Mode } from '../policy/rule';
import type { DeepAddon, DeepState, StrayGuard } from '../strays/stray-guard';
import type { NativeObject, NativeReports } from './native-reports';

export interface DeepGuardOptions {
  readonly mode: Mode;
  readonly strayGuard: StrayGuard;
  /** The caller and the policy of a loaded file. */
  readonly toObject: (file: string) => NativeObject;
  readonly createReports: (objectAt: (index: number) => NativeObject | undefined) => NativeReports;
  /** Whether a rule of the config is about strays: then each object needs its policy at once. */
  readonly hasStrayRules: boolean;
  /** Whether this thread reports: one of a process. */
  readonly isMainThread: boolean;
  /** Reports that something is not covered. Never throws. */
  readonly onPartial: (what: string) => void;
  /** Captured at load, because programs replace it. */
  readonly setInterval: typeof setInterval;
}

/** The policies of native/code_objects.h. */
const TREATMENTS = { guard: 0, report: 1, leave: 2 } as const;

/** In milliseconds: how often records are taken, and imports looked at, which takes less than 0.1 ms. */
const INTERVAL = 1000;

/**
 * Libraries that pass an FD by its flag alone and name it in a variable: libfuse gives fusermount the FD over
 * which it gets the mounted one (fuse_mount_fusermount() in its lib/mount.c).
 */
const FLAG_DESIGNATORS = [{ library: /^libfuse3?\.so(?:\.|$)/, variable: '_FUSE_COMMFD' }] as const;

const NO_FDS = new Int32Array();

/**
 * To be called once in each thread. Returns a stray guard that looks for new objects before each spawn. Throws
 * if the addon has no deep guard, or it cannot be armed.
 */
export function startDeepGuard(options: DeepGuardOptions): StrayGuard {
  const { mode, strayGuard, isMainThread, onPartial } = options;
  const addon = armed(strayGuard, mode);
  const { classify, objectAt } = createObjects(addon, options);
  const told = new Set<string>();
  let reports: NativeReports | undefined;

  classify();
  tellGaps();
  replaceMethod(process, 'dlopen', afterDlopen);
  if (isMainThread) {
    options.setInterval(lookAgain, INTERVAL).unref();
    process.on('exit', () => {
      lookAgain();
      reports?.finish();
    });
  }
  return {
    ...strayGuard,
    mark() {
      refresh();
      strayGuard.mark();
    },
    begin(guarding) {
      refresh();
      drain();
      strayGuard.begin(guarding);
    },
  };

  function afterDlopen(original: AnyFunction): AnyFunction {
    return function dlopen(...args) {
      const result = Reflect.apply(original, this, args);
      refresh();
      return result;
    };
  }

  /** The addon walks by itself after dlopen(); then there are objects without a policy, too. */
  function refresh(): void {
    const hasWalked = addon.deepWalk(false);
    if (classify() || hasWalked) tellGaps();
  }

  /** Another tool may have replaced imports since, with no object loaded. */
  function lookAgain(): void {
    addon.deepWalk(true);
    classify();
    drain();
    tellGaps();
  }

  function drain(): void {
    if (!isMainThread) return;
    const records = addon.deepRecords();
    // Also without records: what waits for an exec grows older.
    if (records.length > 0) reports ??= options.createReports(objectAt);
    reports?.add(records);
  }

  /** Each kind of gap once in a process. */
  function tellGaps(): void {
    if (!isMainThread) return;
    const gaps = gapsOf(addon.deepState()).filter(({ key }) => !told.has(key));
    for (const { key } of gaps) told.add(key);
    if (gaps.length > 0) onPartial(gaps.map(({ what }) => what).join('; '));
  }
}

interface Objects {
  /** Gives new objects their policies, and returns whether there were any. */
  readonly classify: () => boolean;
  readonly objectAt: (index: number) => NativeObject | undefined;
}

/** The loaded objects, by the addon's numbers. */
function createObjects(addon: DeepAddon, options: DeepGuardOptions): Objects {
  const treatment: NativePolicy['treatment'] = options.mode === 'warn' ? 'report' : 'guard';
  const withoutRules: NativePolicy = { treatment, keep: [], rules: [] };
  /** The file of one whose policy was not needed yet. */
  const objects: (NativeObject | string)[] = [];
  return { classify, objectAt };

  function classify(): boolean {
    const paths = addon.deepObjects(objects.length);
    for (const name of paths) {
      const file = name === '' ? process.execPath : name;
      const object = needsPolicy(file) ? toObject(file) : undefined;
      const { treatment, keep } = object?.policy ?? withoutRules;
      addon.deepSetObject(
        objects.length,
        TREATMENTS[treatment],
        keep.length === 0 ? NO_FDS : Int32Array.from(keep),
        FLAG_DESIGNATORS.find(({ library }) => library.test(path.basename(file)))?.variable,
      );
      objects.push(object ?? file);
    }
    return paths.length > 0;
  }

  /** The compat table is about packages. So a start with Node's own objects needs neither it nor any policy. */
  function needsPolicy(file: string): boolean {
    return options.hasStrayRules || file.includes(`${path.sep}node_modules${path.sep}`);
  }

  function toObject(file: string): NativeObject {
    try {
      return options.toObject(file);
    } catch {
      // Nothing is allowed that is not known.
      return { file, caller: undefined, policy: withoutRules };
    }
  }

  function objectAt(index: number): NativeObject | undefined {
    const object = objects[index];
    if (typeof object !== 'string') return object;
    const found = toObject(object);
    objects[index] = found;
    return found;
  }
}

function armed({ deep }: StrayGuard, mode: Mode): DeepAddon {
  if (deep === undefined)
    throw new Error('this system or processor has no deep guard, or the addon did not load');
  try {
    if (deep.deepArm(TREATMENTS[mode === 'warn' ? 'report' : 'guard'])) return deep;
  } catch (error) {
    throw new Error(`the deep guard could not be armed: ${messageOf(error)}`);
  }
  throw new Error('the C library was not found among the loaded objects');
}

export interface DeepGap {
  readonly key: keyof DeepState;
  readonly what: string;
}

/** What the deep guard could not cover, as far as it knows. */
export function gapsOf(state: DeepState): DeepGap[] {
  const gap = (key: keyof DeepState, isThere: boolean, what: string) => (isThere ? [{ key, what }] : []);
  const count = (key: 'denied' | 'foreign' | 'old' | 'markedCalls' | 'lostRecords', what: string) =>
    gap(key, state[key] > 0, `${state[key]} ${what}`);
  return [
    ...gap(
      'stage',
      state.stage === 1,
      'this C library is not glibc 2.34 or newer, so what native code makes by itself gets the FDs that were opened since the guard last set close-on-exec',
    ),
    ...count('denied', 'imports could not be written, because the system forbids it'),
    ...count('foreign', 'imports belong to another tool that replaces them'),
    ...count('old', 'imports ask for an old version of posix_spawn()'),
    ...gap(
      'canClose',
      state.stage === 2 && !state.canClose,
      'children cannot close FDs here: no close_range() and no /proc',
    ),
    ...gap(
      'knowsActions',
      state.stage === 2 && !state.knowsActions,
      "the C library stores posix_spawn()'s file actions in an unknown way",
    ),
    ...gap('leavesVfork', state.leavesVfork, 'vfork() is left alone, because a shadow stack is in use'),
    ...count(
      'markedCalls',
      'native calls had FDs set close-on-exec in this process instead of closed in the child',
    ),
    ...count(
      'lostRecords',
      'native processes were guarded and not reported, because there were too many at once',
    ),
  ];
}

/** Whether Node's own calls are covered; else `strict` must not start. */
export function coversNode({ stage, hostMissed }: DeepState): boolean {
  return stage > 0 && hostMissed === 0;
}
