import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axeFindings, BROWSER, judgeHeads, set, shot } from '../support/browser-pages.ts';
import { tempFolder } from '../support/temp-folder.ts';

describe.skipIf(!existsSync(BROWSER))('the report in a browser', () => {
  const cwd = tempFolder();
  let browser: Browser;
  const requests: string[] = [];
  const problems: string[] = [];

  beforeAll(async () => {
    await judgeHeads(cwd, {
      size: 32,
      simulate: [
        ...set('num_rounds=3', 'image_size=48', 'model.width=8', 'personalize_rounds=1'),
        '--baselines',
        'local,centralized',
      ],
      judge: ['report', 'heads'],
    });
    browser = await chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox'] });
  }, 600_000);

  afterAll(async () => browser?.close());

  async function open(width: number, colorScheme: 'light' | 'dark'): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(pathToFileURL(join(cwd, 'work/heads/latest/report.html')).href);
    await shot(page, `report-${width}-${colorScheme}`);
    return page;
  }

  it.each([
    [1200, 'light'],
    [1200, 'dark'],
    [390, 'light'],
  ] as const)(
    'fits %i pixels, %s: nothing runs out of the page, nothing is fetched',
    async (width, scheme) => {
      const page = await open(width, scheme);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      expect(await page.locator('section').count()).toBeGreaterThan(8);
      const pictures = (await page.evaluate(
        '[...document.images].map((image) => image.naturalWidth)',
      )) as number[];
      expect(pictures.length).toBeGreaterThan(0);
      expect(pictures.every((natural) => natural > 0)).toBe(true);
      expect(requests.filter((url) => !url.startsWith('file:') && !url.startsWith('data:'))).toEqual([]);
      expect(problems).toEqual([]);
      expect(await axeFindings(page)).toEqual([]);
      await page.close();
    },
  );

  it('gives the answer first, and every picture has words', async () => {
    const page = await open(1200, 'light');
    const first = await page.locator('section').first().innerText();
    expect(first).toMatch(/strongest control/);
    expect(first).toMatch(/not a medical device/);
    expect(await page.locator('img:not([alt])').count()).toBe(0);
    expect(await page.locator('svg:not([aria-label])').count()).toBe(0);
    await page.close();
  });
});
