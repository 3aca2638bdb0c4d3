import puppeteer from 'puppeteer-core';
import { browserOptions, PAGE } from './browser.mjs';

const { args, ...options } = browserOptions();
const browser = await puppeteer.launch({
  ...options,
  args: [...args, `--user-data-dir=${process.env.TMPDIR}/profile`],
  pipe: true,
});
const page = await browser.newPage();
await page.goto(PAGE);
console.log(await page.title());
await browser.close();
