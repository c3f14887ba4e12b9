import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluationSchema } from '../../src/runtime/evaluation/result.ts';
import { headImage } from '../support/bids-tree.ts';
import { axeFindings, BROWSER, judgeHeads, set, shot } from '../support/browser-pages.ts';
import { startCli } from '../support/cli.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** WebGL without a graphics card. */
const WEBGL = ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'];
const EVIL = '<img src=x onerror=document.title=1>';

describe.skipIf(!existsSync(BROWSER))('the viewer in a browser', () => {
  const cwd = tempFolder();
  let browser: Browser;
  let viewer: ReturnType<typeof startCli>;
  let address = '';
  const requests: string[] = [];
  const problems: string[] = [];

  beforeAll(async () => {
    await judgeHeads(cwd, {
      size: 40,
      simulate: set('num_rounds=2', 'image_size=32', 'model.width=8'),
      judge: ['evaluate', 'heads', '-q', '--replicates', '100'],
    });
    const odd = join(cwd, 'bids', 'sub-zz', 'anat');
    await mkdir(odd, { recursive: true });
    await writeFile(join(odd, 'sub-zz_run-1_T1w.nii'), 'no volume');
    await writeFile(join(odd, `sub-zz_run-2_${EVIL.replaceAll(' ', '+')}_T1w.nii`), headImage({ seed: 1 }));
    await writeFile(join(odd, 'sub-zz_run-3_bold.nii'), headImage({ seed: 2, volumes: 3 }));
    await mkdir(join(cwd, 'bids/derivatives/quality'), { recursive: true });
    await writeFile(
      join(cwd, 'bids/derivatives/quality/group_quality.tsv'),
      `file\tsnr\t${EVIL}\nsub-zz/anat/sub-zz_run-3_bold.nii\t7.25\t${EVIL}\n`,
    );
    const overlays = join(cwd, 'work/heads/latest/evaluation/overlays');
    const [picture = ''] = await readdir(overlays);
    await copyFile(join(overlays, picture), join(odd, 'sub-zz_sheet.png'));
    viewer = startCli(['preprocess', 'view', 'heads', '--no-open'], { cwd });
    address = await viewer.says(/http:\/\/\S+/);
    browser = await chromium.launch({ executablePath: BROWSER, args: WEBGL });
  }, 600_000);

  afterAll(async () => {
    await browser?.close();
    viewer?.child.kill('SIGKILL');
  });

  async function open(
    width: number,
    colorScheme: 'light' | 'dark',
  ): Promise<{ page: Page; context: BrowserContext }> {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    // Software draws slowly on a busy machine.
    context.setDefaultTimeout(120_000);
    const page = await context.newPage();
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => problems.push(`${message.type()} ${message.text()}`));
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(address);
    await drawn(page);
    return { page, context };
  }

  function width(page: Page, id: string): Promise<number> {
    return page.evaluate(`document.getElementById('${id}').naturalWidth`);
  }

  async function search(page: Page, text: string): Promise<void> {
    await page.fill('#search', text);
    await drawn(page);
  }

  /** Until nothing is being loaded. */
  async function drawn(page: Page): Promise<void> {
    await page.locator('#title').filter({ hasNotText: 'No image' }).waitFor();
    await page.waitForTimeout(300);
    await page.locator('#loading').waitFor({ state: 'hidden' });
    await page.waitForTimeout(300);
  }

  /** Colours of the canvas as it is seen on the screen, and how many points have a colour that is no grey. */
  async function colours(page: Page): Promise<{ greys: number; coloured: number }> {
    const png = (await page.locator('#volume').screenshot()).toString('base64');
    return page.evaluate(
      `(async () => {
        const image = new Image();
        image.src = 'data:image/png;base64,${png}';
        await image.decode();
        const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
        const context = canvas.getContext('2d');
        context.drawImage(image, 0, 0);
        const { data } = context.getImageData(0, 0, image.width, image.height);
        const greys = new Set();
        let coloured = 0;
        for (let at = 0; at < data.length; at += 4) {
          const [red, green, blue] = data.subarray(at, at + 3);
          if (red === green && green === blue) greys.add(red);
          if (red > green + 60 && red > blue + 60) coloured++;
        }
        return { greys: greys.size, coloured };
      })()`,
    );
  }

  it.each([
    [1400, 'light'],
    [1400, 'dark'],
    [390, 'light'],
  ] as const)('fits %i pixels, %s, and draws the volume', async (width, scheme) => {
    const { page, context } = await open(width, scheme);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    expect((await colours(page)).greys).toBeGreaterThan(30);
    await shot(page, `view-${width}-${scheme}`);
    expect(problems).toEqual([]);
    expect(await axeFindings(page)).toEqual([]);
    await context.close();
  });

  it('asks nobody but itself for anything, and takes the token off the address', async () => {
    const { page, context } = await open(1400, 'light');
    const { origin } = new URL(address);
    expect(page.url()).toBe(new URL('./', address).href);
    const elsewhere = requests.filter((url) => !url.startsWith(origin) && !/^(data|blob):/.test(url));
    expect(elsewhere).toEqual([]);
    expect(requests.length).toBeGreaterThan(5);
    await page.reload();
    await drawn(page);
    expect((await colours(page)).greys).toBeGreaterThan(30);
    await context.close();
  });

  it('shows and hides masks, with what is known of the subject beside them', async () => {
    const { page, context } = await open(1400, 'light');
    await search(page, 'glioma test');
    await page.waitForSelector('#masks input');
    const without = async () => {
      await page.keyboard.press('m');
      await page.waitForTimeout(300);
      return (await colours(page)).coloured;
    };
    await page.focus('#list');
    const seen = (await colours(page)).coloured;
    await shot(page, 'view-mask');
    expect(await without()).toBeLessThan(seen);
    expect(await without()).toBe(seen);
    expect(await axeFindings(page)).toEqual([]);
    const details = await page.innerText('#details');
    expect(details).toMatch(/label\s+glioma/);
    expect(details).toMatch(/part\s+test/);
    expect(details).toMatch(/predicted\s+\w+/);
    expect(details).toMatch(/\d+\.\d %/);
    await context.close();
  });

  it('shows the heat map of a worst case beside its volume', async () => {
    const { page, context } = await open(1400, 'light');
    const path = join(cwd, 'work/heads/latest/evaluation/evaluation.json');
    const { worst_cases: cases } = evaluationSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    await search(page, cases[0]?.id ?? '');
    const picture = page.locator('#heat-picture');
    expect(await width(page, 'heat-picture')).toBeGreaterThan(100);
    await picture.scrollIntoViewIfNeeded();
    await shot(page, 'view-heat');
    expect(await axeFindings(page)).toEqual([]);
    await context.close();
  });

  it('goes through the list by keys and finds by words', async () => {
    const { page, context } = await open(1400, 'light');
    const title = () => page.innerText('#title');
    const first = await title();
    await page.keyboard.press('ArrowDown');
    await drawn(page);
    const second = await title();
    expect(second).not.toBe(first);
    expect(await page.locator('[role=option][aria-selected=true]').count()).toBe(1);
    await page.keyboard.press('ArrowUp');
    await drawn(page);
    expect(await title()).toBe(first);
    await page.keyboard.press('/');
    await page.keyboard.type('sub-zz bold');
    await drawn(page);
    expect(await page.innerText('#found')).toMatch(/^1 of \d+ images$/);
    expect(await page.innerText('#frame-number')).toBe('1 of 3');
    expect(await page.innerText('#details')).toMatch(/snr\s+7.25/);
    await page.keyboard.press('Escape');
    for (const [key, name] of ['All planes', 'Axial', 'Coronal', 'Sagittal', '3-D'].entries()) {
      await page.keyboard.press(String(key + 1));
      expect(await page.innerText('#planes [aria-pressed=true]')).toBe(name);
    }
    await page.waitForTimeout(500);
    await shot(page, 'view-rendered');
    await search(page, 'wrong');
    for (const text of await page.locator('.verdict').allInnerTexts()) expect(text).toMatch(/^✗ /);
    await context.close();
  });

  it('obeys nothing that a name or a table holds', async () => {
    const { page, context } = await open(1400, 'light');
    await search(page, 'run-2');
    expect(await page.innerText('#title')).toContain('<img+src=x');
    await search(page, 'bold');
    expect(await page.innerText('#details')).toContain(EVIL);
    expect(await page.title()).toContain('neuroflare');
    expect(await page.locator('#details img, #list img').count()).toBe(0);
    await context.close();
  });

  it('shows pictures of two dimensions, and says what is wrong with what is no volume', async () => {
    const { page, context } = await open(1400, 'light');
    await search(page, 'sheet');
    expect(await width(page, 'picture')).toBeGreaterThan(100);
    expect(await page.locator('#volume').isVisible()).toBe(false);
    await shot(page, 'view-picture');
    await search(page, 'zz run-1');
    expect(await page.innerText('#fault')).toMatch(/sub-zz_run-1_T1w.nii cannot be drawn/);
    await shot(page, 'view-fault');
    expect(await axeFindings(page)).toEqual([]);
    await search(page, 'run-3');
    expect(await page.locator('#fault').isVisible()).toBe(false);
    expect((await colours(page)).greys).toBeGreaterThan(10);
    await context.close();
  });

  it('gives its cookie to nothing else that listens on this machine', async () => {
    const { page, context } = await open(1400, 'light');
    const sent: (string | undefined)[] = [];
    const other = createServer(({ headers }, answer) => {
      sent.push(headers.cookie);
      answer.setHeader('set-cookie', 'own=1').end('another page');
    }).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    for (const path of ['/', '/list', '/'])
      expect((await page.goto(`http://127.0.0.1:${port}${path}`))?.status()).toBe(200);
    expect(sent.filter((cookie) => cookie?.includes('own=1')).length).toBeGreaterThan(0);
    expect(sent.join()).not.toContain('neuroflare');
    other.close();
    await context.close();
  });

  it('is closed to whoever has no token', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const answer = await page.goto(new URL('/', address).href);
    expect(answer?.status()).toBe(403);
    const wrong = await page.goto(`${new URL('/', address).href}?token=x`);
    expect(wrong?.status()).toBe(403);
    expect(await page.innerText('body')).toContain('NF_VIEW_REFUSED');
    await context.close();
  });

  it('ends with Ctrl-C, in good order', async () => {
    viewer.child.kill('SIGINT');
    expect(await viewer.done).toMatchObject({ code: 0 });
  });
});
