// An agent's side of the protocol: opens a page by a tool of the server, which starts the browser.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { browserOptions, PAGE } from './browser.mjs';

const { executablePath, args } = browserOptions();
const command = path.resolve('../../node_modules/.bin/chrome-devtools-mcp');
const server = spawn(
  process.execPath,
  [
    ...[command, '--headless', '--isolated', '--executablePath', executablePath, '--no-usage-statistics'],
    ...args.map(arg => `--chromeArg=${arg}`),
  ],
  { stdio: ['pipe', 'pipe', 'inherit'] },
);
const send = message => server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const clientInfo = { name: 'app', version: '1.0.0' };
send({
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo },
});
for await (const line of createInterface({ input: server.stdout })) {
  const { id, result } = JSON.parse(line);
  if (id === 1) {
    send({ method: 'notifications/initialized' });
    send({ id: 2, method: 'tools/call', params: { name: 'new_page', arguments: { url: PAGE } } });
  }
  if (id === 2) {
    console.log(
      JSON.stringify(result).includes('<title>hello</title>') && !result.isError ? 'hello' : result,
    );
    server.stdin.end();
    server.kill();
    break;
  }
}
