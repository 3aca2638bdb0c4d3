import { chromium } from 'playwright-core';
import { browserOptions, PAGE } from './browser.mjs';

// The profile is a fresh one in TMPDIR.
const browser = await chromium.launch(browserOptions());
const page = await browser.newPage();
await page.goto(PAGE);
console.log(await page.title());
await browser.close();
