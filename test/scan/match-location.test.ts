// A call that the preload reports and one that the scan lists are the same site.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { findSites } from '../../src/scan/analysis/find-sites';
import type { Place } from '../../src/scan/location';
import { createFindPlace } from '../../src/scan/match-location';
import { temporaryFolder, write } from '../support/programs';
import { LIST_FDS, run } from '../support/run';
import { LAUNCHERS } from '../support/scan';

const PROGRAMS: Readonly<Record<string, string>> = {
  'a method': `const cp = require('child_process');\n  cp.spawn(LIST, { stdio: ['ignore', 'ignore', 2, 'pipe'] });`,
  'a function': `const { spawn } = require('child_process');\n\n spawn(\n  LIST,\n  [],\n  { stdio: ['ignore', 'ignore', 2, 'pipe'] });`,
  'a call of an expression': `const c = require('child_process');\n(0, c.spawn)(LIST, {\n stdio: ['ignore', 'ignore', 2, 'pipe'] });`,
  'a synchronous one': `require('child_process')\n  .spawnSync(LIST, [], {\n stdio: ['ignore', 'ignore', 2, 'pipe'] });`,
  'an array from elsewhere': `const stdio = ['ignore', 'ignore', 2];\nstdio.push('pipe');\nrequire('child_process').spawn(LIST, { stdio });`,
};

for (const [title, code] of Object.entries(PROGRAMS))
  test(title, async t => {
    const folder = temporaryFolder(t);
    const program = write(folder, {
      'app.js': code.replace('LIST', JSON.stringify(LIST_FDS)),
      'package.json': '{"name":"app"}',
    });
    const { stderr } = await run(program, { cwd: folder, env: { CLOSEFDS_MODE: 'warn' } });
    const [, file = '', line = ''] = / at (\S+app\.js):(\d+):\d+/.exec(stderr) ?? [];

    const text = readFileSync(program, 'utf8');
    const places = findSites(text, program, { launchers: LAUNCHERS }).map(
      site => ({ ...site, file: 'app.js' }) as unknown as Place,
    );
    t.is(places.length, 1);
    const find = createFindPlace(places, folder);
    t.is(find(file, Number(line)), places[0], stderr);
    t.is(places[0]?.line, Number(line), 'and it is the line of the call');
    t.is(find(path.join(folder, 'other.js'), Number(line)), undefined);
    t.is(find(file, 99), undefined);
  });
