import { chromium } from 'patchright-core';
import { browserOptions, PAGE } from './browser.mjs';

const browser = await chromium.launch(browserOptions());
const page = await browser.newPage();
await page.goto(PAGE);
console.log(await page.title());
await browser.close();
