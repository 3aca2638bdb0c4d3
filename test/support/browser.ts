// A real browser, by the protocol that it speaks over FDs 3 and 4: a few calls, and no package for them.
//
// https://chromedevtools.github.io/devtools-protocol/

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';

type Json = Readonly<Record<string, unknown>>;

export interface Browser {
  readonly openPage: (file: string, look?: Look) => Promise<Page>;
  readonly close: () => Promise<void>;
}

export interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
  readonly media?: 'print';
  readonly noScripts?: boolean;
}

export interface Page {
  /** Of an expression; a promise is waited for. */
  readonly evaluate: <T>(expression: string) => Promise<T>;
  readonly press: (key: 'Tab' | 'Back' | 'Enter' | 'Space') => Promise<void>;
  readonly type: (text: string) => Promise<void>;
  /** PNG: all of the page, or what is in view. */
  readonly picture: (isWhole?: boolean) => Promise<Buffer>;
  /** Pages of paper. */
  readonly print: () => Promise<Buffer>;
  /** Errors, console messages, and what the page asked the network for. */
  readonly complaints: readonly string[];
  readonly requests: readonly string[];
}

export async function launch(program: string): Promise<Browser> {
  const folder = mkdtempSync(path.join(tmpdir(), 'closefds-browser-'));
  const child = spawn(
    program,
    [
      ...[
        '--headless=new',
        '--remote-debugging-pipe',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
      ],
      ...['--no-first-run', '--disable-extensions', '--disable-background-networking', '--hide-scrollbars'],
      `--user-data-dir=${folder}`,
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], env: { ...process.env, HOME: folder } },
  );
  const connection = connect(child);
  return { openPage: (file, look = {}) => openPage(connection, file, look), close };

  async function close(): Promise<void> {
    const ended = new Promise(resolve => child.on('exit', resolve));
    child.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

interface Connection {
  readonly send: (method: string, params?: Json, session?: string) => Promise<Json>;
  readonly on: (session: string, listener: (method: string, params: Json) => void) => void;
}

/** Messages are JSON, each with a zero byte behind it. */
function connect(child: ChildProcess): Connection {
  const [, , , input, output] = child.stdio as unknown as readonly Duplex[];
  if (input === undefined || output === undefined) throw new Error('expected two pipes to the browser');
  const waiting = new Map<number, { resolve: (result: Json) => void; reject: (error: Error) => void }>();
  const listeners = new Map<string, (method: string, params: Json) => void>();
  let last = 0;
  let rest = '';
  output.setEncoding('utf8').on('data', (text: string) => {
    const messages = (rest + text).split('\0');
    rest = messages.pop() ?? '';
    for (const message of messages) receive(JSON.parse(message));
  });
  child.on('error', fail);
  child.on('exit', code => fail(new Error(`the browser ended with ${code}`)));
  input.on('error', () => {});

  return {
    send(method, params = {}, sessionId) {
      const id = ++last;
      input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
      return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    },
    on: (session, listener) => listeners.set(session, listener),
  };

  function receive(message: {
    readonly id?: number;
    readonly error?: { readonly message: string };
    readonly result?: Json;
    readonly method?: string;
    readonly params?: Json;
    readonly sessionId?: string;
  }): void {
    const { id, error, result = {}, method = '', params = {}, sessionId = '' } = message;
    if (id === undefined) {
      listeners.get(sessionId)?.(method, params);
      return;
    }
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(error.message));
  }

  function fail(error: Error): void {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }
}

async function openPage({ send, on }: Connection, file: string, look: Look): Promise<Page> {
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const session = String(sessionId);
  const call = (method: string, params?: Json) => send(method, params, session);
  const complaints: string[] = [];
  const requests: string[] = [];
  let loaded = () => {};
  on(session, (method, params) => {
    if (method === 'Page.loadEventFired') loaded();
    if (method === 'Network.requestWillBeSent') requests.push((params.request as { url: string }).url);
    if (
      [
        'Runtime.exceptionThrown',
        'Runtime.consoleAPICalled',
        'Log.entryAdded',
        'Page.javascriptDialogOpening',
      ].includes(method)
    )
      complaints.push(JSON.stringify(params));
  });
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await call(`${domain}.enable`);
  const { width = 1280, height = 900, scheme = 'light', media = '', noScripts = false } = look;
  await call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  await call('Emulation.setEmulatedMedia', {
    media,
    features: [{ name: 'prefers-color-scheme', value: scheme }],
  });
  await call('Emulation.setScriptExecutionDisabled', { value: noScripts });
  const ready = new Promise<void>(resolve => {
    loaded = resolve;
  });
  await call('Page.navigate', { url: `file://${file}` });
  await ready;

  return {
    complaints,
    requests,
    async evaluate<T>(expression: string): Promise<T> {
      const answer = await call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
      const { result, exceptionDetails } = answer as { result: { value: T }; exceptionDetails?: Json };
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
      return result.value;
    },
    async press(key) {
      const given = {
        Tab: { key: 'Tab', code: 'Tab', windowsVirtualKeyCode: 9 },
        // Tab with Shift.
        Back: { key: 'Tab', code: 'Tab', windowsVirtualKeyCode: 9, modifiers: 8 },
        Enter: { key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13, text: '\r' },
        Space: { key: ' ', code: 'Space', windowsVirtualKeyCode: 32, text: ' ' },
      }[key];
      await call('Input.dispatchKeyEvent', { type: 'keyDown', ...given });
      await call('Input.dispatchKeyEvent', { type: 'keyUp', ...given });
    },
    async type(text) {
      await call('Input.insertText', { text });
    },
    async picture(isWhole = true) {
      const { data } = await call('Page.captureScreenshot', { captureBeyondViewport: isWhole });
      return Buffer.from(String(data), 'base64');
    },
    async print() {
      const { data } = await call('Page.printToPDF', {});
      return Buffer.from(String(data), 'base64');
    },
  };
}
