// Package managers from npm, and how each is told to use the registry that npm uses here.

import path from 'node:path';
import { command } from './installs';
import { write } from './programs';

export const PNPM = 'pnpm@10.18.0';
export const YARN = '@yarnpkg/cli-dist@4.10.3';
export const YARN_CLASSIC = 'yarn@1.22.22';

/** Installs a manager into a folder; returns its program. */
export async function installManager(folder: string, name: string, program: string): Promise<string> {
  const prefix = path.join(folder, 'manager');
  write(prefix, { 'package.json': '{}' });
  await command(prefix, 'npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', name]);
  return path.join(prefix, 'node_modules', program);
}

/** For Yarn from 2 on, which does not read npm's settings. */
export async function yarnEnvironment(folder: string, linker: string): Promise<Record<string, string>> {
  const registry = await command(folder, 'npm', ['config', 'get', 'registry']);
  const caFile = await command(folder, 'npm', ['config', 'get', 'cafile']);
  return {
    YARN_NPM_REGISTRY_SERVER: registry.replace(/\/$/, ''),
    YARN_NODE_LINKER: linker,
    YARN_ENABLE_GLOBAL_CACHE: 'false',
    YARN_ENABLE_TELEMETRY: 'false',
    YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
    ...(caFile !== 'null' && { YARN_HTTPS_CA_FILE_PATH: caFile }),
    ...(new URL(registry).protocol === 'http:' && { YARN_UNSAFE_HTTP_WHITELIST: new URL(registry).hostname }),
  };
}

/** Makes a folder a project of Yarn's own and adds the tarball; returns Yarn's program and its settings. */
export async function addWithYarn(
  folder: string,
  linker: string,
  tarball: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ program: string; env: Readonly<Record<string, string>> }> {
  const program = await installManager(path.dirname(folder), YARN, '@yarnpkg/cli-dist/bin/yarn.js');
  // An empty lockfile makes it a project of its own, wherever the folder lies.
  write(folder, { 'yarn.lock': '' });
  const settings = {
    ...(await yarnEnvironment(folder, linker)),
    YARN_ENABLE_SCRIPTS: 'false',
    // Otherwise only a project with modules gets it, and --import needs it.
    YARN_PNP_ENABLE_ESM_LOADER: 'true',
  };
  const args = [program, 'add', `closefds@file:${tarball}`];
  await command(folder, process.execPath, args, { ...settings, ...env });
  return { program, env: settings };
}
