// Finds settings that came after the preload, so that they are not in force.
//
// A runner or a library (dotenv) may set variables, or load a program with a config of its own, when closefds
// has its settings already. They are not taken: a dependency must not choose the policy. They are reported.

import path = require('node:path');

import { makeVariablesAbsolute } from '../policy/inherited-paths';
import { mainScript } from '../policy/main-script';
import type { StartedProgram } from '../policy/runners';
import type { Settings } from '../policy/settings';
import { VARIABLES } from '../policy/variables';
import type * as LateConfig from './late-config';

/** The settings that were read from a program. */
export interface ReadSettings {
  readonly settings: Settings;
  /** Values of VARIABLES, in their order: those that the settings were read from, and those of the process. */
  readonly given: readonly string[];
  readonly atStart: readonly string[];
  readonly program: StartedProgram;
}

export function valuesOf(env: StartedProgram['env']): string[] {
  return VARIABLES.map(name => env[name] ?? '');
}

/** Replaces relative paths in the process's variables. */
export function makeSettingsAbsolute(settings: Settings): void {
  makeVariablesAbsolute(absolutePaths(settings));
}

function absolutePaths({ configFile, report }: Settings): Readonly<Record<string, string | undefined>> {
  return { CLOSEFDS_CONFIG: configFile, CLOSEFDS_REPORT: report?.isStream ? undefined : report?.file };
}

/**
 * Returns a sentence for each kind of settings that came late, without a full stop. To be called before the
 * first spawn is judged.
 */
export function findLateSettings(read: ReadSettings): string[] {
  const variables = lateVariables(read);
  // pm2 has set the relative paths again.
  if (variables.length === 0) makeSettingsAbsolute(read.settings);
  return [...variables, ...lateConfig(read)];
}

function lateVariables({ settings, given, atStart }: ReadSettings): string[] {
  const now = valuesOf(process.env);
  const absolute = absolutePaths(settings);
  const changed = VARIABLES.filter(
    (name, index) => ![given[index], atStart[index], absolute[name]].includes(now[index]),
  );
  if (changed.length === 0) return [];
  const verb = changed.length === 1 ? 'was' : 'were';
  return [
    `${changed.join(', ')} ${verb} set after closefds was loaded, without effect in this process: the mode is "${settings.mode}"`,
  ];
}

function lateConfig({ settings, program }: ReadSettings): string[] {
  const script = mainScript();
  if (settings.script === undefined || program.env.CLOSEFDS_CONFIG) return [];
  // Otherwise it is data, or was shifted away.
  if (script === undefined || !path.isAbsolute(script) || script === settings.script) return [];
  const { findConfig } = require('./late-config') as typeof LateConfig;
  const file = findConfig(script);
  if (file === undefined || file === settings.configFile) return [];
  return [
    `the config ${file} of the program ${script} is not in force: Node was started with ${settings.script}`,
  ];
}
