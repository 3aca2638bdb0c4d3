// The runtime starts the process with the kernel, and answers its host's requests over FD 3.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const command = createRequire(import.meta.url).resolve('@jsii/runtime/bin/jsii-runtime.js');
const runtime = spawn(process.execPath, [command], { stdio: ['pipe', 'pipe', 'inherit'] });
for await (const line of createInterface({ input: runtime.stdout })) {
  const answer = JSON.parse(line);
  if (answer.hello !== undefined) runtime.stdin.write('{"api":"stats"}\n');
  else {
    console.log(JSON.stringify(answer));
    runtime.stdin.end('{"exit":0}\n');
  }
}
