// A real browser for tests of the page, by playwright-core, which brings no browser of its own.

import { type Browser as Chromium, chromium, type Page as PlaywrightPage } from 'playwright-core';

export interface Browser {
  /** `place`: a file, or an address. */
  readonly openPage: (place: string, look?: Look) => Promise<Page>;
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
  /** The value of an expression; a promise is awaited. */
  readonly evaluate: <T>(expression: string) => Promise<T>;
  readonly press: (key: 'Tab' | 'Shift+Tab' | 'Enter' | 'Space') => Promise<void>;
  readonly click: (selector: string) => Promise<void>;
  /** Resolves when the expression is true. */
  readonly until: (expression: string) => Promise<void>;
  /** The text in the clipboard. */
  readonly clipboard: () => Promise<string>;
  /** PNG of the whole page. */
  readonly picture: () => Promise<Buffer>;
  /** PDF. */
  readonly print: () => Promise<Buffer>;
  /** Errors and console messages. */
  readonly complaints: readonly string[];
  /** The addresses that the page asked the network for. */
  readonly requests: readonly string[];
}

export async function launch(program: string): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: program, chromiumSandbox: false });
  return { openPage: (place, look = {}) => openPage(browser, place, look), close: () => browser.close() };
}

async function openPage(browser: Chromium, place: string, look: Look): Promise<Page> {
  const { width = 1280, height = 900, scheme = 'light', media = null, noScripts = false } = look;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    javaScriptEnabled: !noScripts,
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  const seen = record(page);
  await page.emulateMedia({ media, colorScheme: scheme });
  await page.goto(place.startsWith('http:') ? place : `file://${place}`);
  return {
    ...seen,
    evaluate: expression => page.evaluate(expression),
    press: key => page.keyboard.press(key),
    click: selector => page.locator(selector).first().click(),
    until: async expression => {
      // waitForFunction() evaluates a text within the page, which its policy forbids.
      while (!(await page.evaluate(expression))) await page.waitForTimeout(50);
    },
    clipboard: () => page.evaluate('navigator.clipboard.readText()'),
    picture: () => page.screenshot({ fullPage: true }),
    print: () => page.pdf({ format: 'A4' }),
  };
}

function record(page: PlaywrightPage): Pick<Page, 'complaints' | 'requests'> {
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('pageerror', error => complaints.push(String(error)));
  page.on('console', message => complaints.push(message.text()));
  page.on('dialog', async dialog => {
    complaints.push(dialog.message());
    await dialog.dismiss();
  });
  page.on('request', request => requests.push(request.url()));
  return { complaints, requests };
}
