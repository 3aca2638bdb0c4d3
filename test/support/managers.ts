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
