// Runs TypeScript whose call is in another line than in the code that is generated from it.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const SOURCE = `interface Message {
  readonly text: string;
}

interface Other {
  readonly message: Message;
}

import childProcess = require('node:child_process');

const other: Other = { message: { text: 'echo.mjs' } };

const child = childProcess.spawn(process.execPath, [other.message.text], { stdio: [0, 1, 2, 'ipc'] });
child.on('message', (message: unknown) => console.log(message));
`;

export function runTypeScript(nodeArgs, env = {}) {
  writeFileSync('source.cts', SOURCE);
  execFileSync(process.execPath, [...nodeArgs, 'source.cts'], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
}
