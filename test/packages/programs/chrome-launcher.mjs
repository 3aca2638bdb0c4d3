// Asks the browser over its pipes for its version.
import { launch } from 'chrome-launcher';
import { browserOptions } from './browser.mjs';

const { executablePath, args } = browserOptions();
const chrome = await launch({
  chromePath: executablePath,
  chromeFlags: [...args, '--headless', '--remote-debugging-pipe'],
});
const { incoming, outgoing } = chrome.remoteDebuggingPipes;
outgoing.write(`${JSON.stringify({ id: 1, method: 'Browser.getVersion' })}\0`);
const text = await new Promise(resolve => incoming.once('data', resolve));
console.log(/"product":"(?:Headless)?Chrom\w+\//.test(String(text)) ? 'hello' : String(text));
await chrome.kill();
