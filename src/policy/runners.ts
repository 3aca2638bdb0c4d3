// Runners: programs that load another program into their own process.
//
// Node starts the runner, so at the time of a preload the main script is the runner's file, and the runner may
// not have set the variables of the program. Both are read from where the runner has them.

type Variables = Readonly<Record<string, string | undefined>>;

/** A program, and what its settings are read from. */
export interface StartedProgram {
  /** The main script, if there is one. */
  readonly script: string | undefined;
  /** undefined: it was deleted. */
  readonly cwd: string | undefined;
  readonly env: Variables;
}

/** Replaces a known runner by the program that it is about to load. Other programs stay as they are. */
export function programOf(started: StartedProgram): StartedProgram {
  const { script } = started;
  if (script !== undefined && PASSENGER.test(script)) return { ...started, script: undefined };
  const [, isFork] = (script !== undefined && PM2.exec(script)) || [];
  if (isFork === undefined) return started;
  return isFork === 'Fork' ? forkedByPm2(started) : clusteredByPm2(started);
}

/** Of pm2 2 to 7, lib/: one for fork mode, one for cluster mode, and their variants for old Node versions and Bun. */
const PM2 = /[\\/]pm2[\\/]lib[\\/]ProcessContainer(Fork|)(?:Legacy|Bun|)\.js$/;

/**
 * Of Phusion Passenger 5 and 6, src/: it runs in the app's folder and loads a file of it, whose name it is told
 * after the start.
 */
const PASSENGER = /[\\/]helper-scripts[\\/]node-loader\.js$/;

/** In fork mode, pm2 gives the process its environment and its folder. */
function forkedByPm2(started: StartedProgram): StartedProgram {
  return { ...started, script: started.env.pm_exec_path || started.script };
}

/** In cluster mode, the process has those of the daemon, and the variable pm2_env with the program's as JSON. */
function clusteredByPm2(started: StartedProgram): StartedProgram {
  const own = parseVariables(started.env.pm2_env);
  return {
    script: own.pm_exec_path || started.script,
    cwd: own.pm_cwd || started.cwd,
    env: { ...started.env, ...own },
  };
}

/** pm2 itself stops where this is no JSON. */
function parseVariables(json = '{}'): Variables {
  try {
    const values = Object.entries(JSON.parse(json) as object);
    return Object.fromEntries(values.map(([name, value]) => [name, String(value)]));
  } catch {
    return {};
  }
}
