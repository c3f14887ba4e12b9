import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobState, SourceView } from '../../src/runtime/dashboard/shown.ts';
import type { Source } from '../../src/runtime/dashboard/source.ts';
import { axeFindings, BROWSER, shot } from '../support/browser-pages.ts';
import { runCli, startCli } from '../support/cli.ts';
import { type OpenDashboard, openDashboard } from '../support/dashboard-requests.ts';
import { TINY_SCRIPT, writeJob } from '../support/job-folder.ts';
import { tempFolder } from '../support/temp-folder.ts';

const EVIL = '<img src=x onerror=document.title=1>';
const SCHEMES = ['light', 'dark'] as const;
/** A page on a busy machine takes its time. */
const PATIENCE = 120_000;

describe.skipIf(!existsSync(BROWSER))('the dashboard in a browser', () => {
  const cwd = tempFolder();
  const env = { NEUROFLARE_CONFIG: join(cwd, 'config.json'), NEUROFLARE_POC_WORKSPACE: join(cwd, 'poc') };
  const kit = (name: string) => join(cwd, 'poc/poc/prod_00', name);
  const nf = async (line: string) => {
    const { code, stdout, stderr } = await runCli(line.split(' '), { cwd, env });
    expect(code, `${line}: ${stderr}`).toBe(0);
    return stdout;
  };
  let browser: Browser;
  let command: ReturnType<typeof startCli>;
  let address = '';
  const requests: string[] = [];
  const problems: string[] = [];

  beforeAll(async () => {
    const script = TINY_SCRIPT.replace(
      'await flare.init();',
      `await flare.init();\nconsole.log('${EVIL}');`,
    ).replace('const metrics = {', `const metrics = { '${EVIL}': 1,`);
    await writeJob(join(cwd, 'tiny'), { script });
    await writeJob(join(cwd, 'endless'), {
      patch: { name: 'endless', workflow: { n_clients: 1 } },
      script: TINY_SCRIPT.replace('const { params }', 'while (true);\n  const { params }'),
    });
    await nf('simulate tiny -q');
    await nf('poc prepare -n 2');
    const policy = join(kit('site-1'), 'local/site-policy.yml');
    await writeFile(policy, (await readFile(policy, 'utf8')).replace('code: any', 'code: approved'));
    await nf('poc start --engine cpu');
    const line = `dashboard --no-open --workspace work --kit poc-admin@poc.local --site ${kit('site-1')}`;
    command = startCli(line.split(' '), { cwd, env });
    address = await command.says(/http:\/\/\S+/);
    browser = await chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox'] });
  }, 600_000);

  afterAll(async () => {
    await browser?.close();
    command?.child.kill('SIGKILL');
    await runCli(['poc', 'clean', '--force'], { cwd, env });
  });

  async function open(
    at: string,
    { width = 1280, colorScheme = 'light' }: { width?: number; colorScheme?: 'light' | 'dark' } = {},
  ): Promise<{ page: Page; context: BrowserContext }> {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => problems.push(`${message.type()} ${message.text()}`));
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(at);
    return { page, context };
  }

  /** The badge of the page's own job says so. */
  const says = (page: Page, status: string) => page.locator('h1 .badge', { hasText: status }).waitFor();

  it('answers nobody with a wrong token', async () => {
    const { page, context } = await open(address.replace(/token=.*/, 'token=x'));
    expect(await page.locator('body').innerText()).toContain('NF_DASHBOARD_REFUSED');
    await context.close();
    problems.length = 0;
  });

  it('shows code at a site, takes its approval, and follows the job to its end', async () => {
    const { page, context } = await open(address);
    await page.locator('table.jobs').first().waitFor();
    // The token is on the screen no more.
    expect(page.url()).not.toContain('token');
    await nf('job submit tiny');
    await page.getByRole('link', { name: 'Look at the code of tiny' }).click();
    await page.getByText('not approved here').waitFor();
    expect(await page.locator('.code').first().innerText()).toContain(EVIL);
    await page.getByRole('button', { name: 'Approve this code' }).click();
    await shot(page, 'dashboard-approve');
    await page.getByRole('button', { name: 'Approve with the key of this site' }).click();
    await page.getByText('The code may run here.').waitFor();
    await page.getByRole('link', { name: 'Jobs', exact: true }).click();
    await page
      .getByRole('region', { name: 'poc, server' })
      .getByRole('link', { name: 'tiny' })
      .first()
      .click();
    await says(page, 'FINISHED:COMPLETED');
    await page.locator('.chart canvas').waitFor();
    await page.getByText('2 of 2 rounds').waitFor();
    await page.locator('select').first().selectOption(EVIL);
    await page.getByText(`Table of ${EVIL}`).waitFor();
    // Nothing of what others wrote has become an element.
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.title()).toBe('tiny · neuroflare');
    await context.close();
  });

  it('aborts a job when somebody says yes, and not before', async () => {
    await nf('job submit endless --clients site-2');
    const { page, context } = await open(address);
    await page.getByRole('link', { name: 'endless' }).first().click();
    await page.getByText(/Waits for site-2/).waitFor();
    await page.getByRole('button', { name: 'Abort' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Abort' }).click();
    await page.keyboard.press('Escape');
    expect(await page.locator('dialog').count()).toBe(0);
    await says(page, 'RUNNING');
    await page.getByRole('button', { name: 'Abort' }).click();
    await page.getByRole('button', { name: 'Abort the job' }).click();
    await says(page, 'FINISHED:ABORTED');
    await context.close();
  });

  it('says that the server is away, and goes on when it is back', async () => {
    const { page, context } = await open(address);
    const server = page.getByRole('region', { name: 'poc, server' });
    await server.getByRole('link', { name: 'tiny' }).waitFor();
    await nf('poc stop --service server');
    await server.getByRole('alert').waitFor();
    // What was known stays.
    expect(await server.getByRole('link', { name: 'tiny' }).count()).toBe(1);
    await nf('poc start --engine cpu --service server');
    await server.getByRole('alert').waitFor({ state: 'detached' });
    await context.close();
  });

  it.each([360, 1280, 2560])(
    'fits %i pixels in light and dark, by the rules of accessibility',
    async (width) => {
      for (const colorScheme of SCHEMES) {
        const { page, context } = await open(address, { width, colorScheme });
        const look = async (name: string) => {
          await shot(page, `dashboard-${name}-${width}-${colorScheme}`);
          expect(await page.evaluate('document.documentElement.scrollWidth'), name).toBeLessThanOrEqual(
            width,
          );
          expect(await axeFindings(page), `${name}, ${width}, ${colorScheme}`).toEqual([]);
        };
        await page.getByRole('region', { name: 'poc, server' }).waitFor();
        await page.locator('table.jobs').nth(1).waitFor();
        await look('list');
        for (const box of await page.getByRole('checkbox').all()) await box.check();
        await page.getByRole('link', { name: /^Compare/ }).click();
        await page.locator('.chart canvas').waitFor();
        await look('compare');
        await page.getByRole('link', { name: 'Jobs', exact: true }).click();
        await page
          .getByRole('region', { name: 'Simulations, workspace' })
          .getByRole('link', { name: 'tiny' })
          .click();
        await page.locator('.chart canvas').waitFor();
        await page.locator('.entry').first().waitFor();
        await look('run');
        await page.getByRole('link', { name: 'Jobs', exact: true }).click();
        await page.getByRole('link', { name: 'What left' }).click();
        await page.getByText('nothing changed, cut or added').first().waitFor();
        await look('site');
        await context.close();
      }
    },
  );

  it('has made no request beyond this machine, and no complaint', () => {
    const { origin } = new URL(address);
    expect(requests.filter((url) => !url.startsWith(origin) && !url.startsWith('data:'))).toEqual([]);
    // What the server's absence makes the browser say is none.
    expect(problems.filter((line) => !line.includes('net::ERR'))).toEqual([]);
  });

  describe('of a hundred sites', () => {
    let dashboard: OpenDashboard;
    afterAll(() => dashboard.close());

    it('draws few of ten thousand lines of a log, and shows each site and its news', async () => {
      dashboard = await openDashboard([new Hundred()]);
      const { page, context } = await open(`${dashboard.address}#/job/many/many`);
      await page.getByText('10000 lines').waitFor();
      expect(await page.getByRole('progressbar').count()).toBe(100);
      await page.getByText('line 9999').waitFor();
      expect(await page.locator('.entry').count()).toBeLessThan(120);
      await page.evaluate("document.querySelector('.log').scrollTop = 0");
      await page.getByText('line 0 of').waitFor();
      expect(await page.locator('.entry').count()).toBeLessThan(120);
      await page.getByRole('region', { name: 'Log' }).getByRole('searchbox').fill('line 5000 ');
      await page.getByText('1 line', { exact: true }).waitFor();
      // News of the sites come while the log is looked at.
      await page.getByText('99 of 100 · 12 a second').first().waitFor();
      await shot(page, 'dashboard-hundred');
      await context.close();
    });
  });
});

/** A source of one job with a hundred sites, whose progress goes on: what it takes to show them is the page's. */
class Hundred implements Source {
  readonly id = 'many';

  async look(): Promise<SourceView> {
    const rest = { trouble: null, sites: [], notes: [], actions: [] };
    return { id: this.id, kind: 'workspace', label: 'Many', about: 'made', jobs: [this.#state(0)], ...rest };
  }

  async follow(_job: string, { signal, tell }: Parameters<Source['follow']>[1]): Promise<void> {
    await tell({ type: 'state', state: this.#state(0) });
    const time = new Date().toISOString();
    const lines = Array.from({ length: 10_000 }, (_, at) => `line ${at} of what a script prints`);
    await tell({ type: 'log', lines: lines.map((text) => ({ time, site: 'site-1', level: 'info', text })) });
    for (let done = 9; !signal.aborted; done = Math.min(99, done + 10)) {
      await tell({ type: 'state', state: this.#state(done) });
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }

  #state(done: number): JobState {
    return {
      id: 'many',
      name: 'many',
      status: 'running',
      tone: 'running',
      rounds: 1,
      numRounds: 9,
      sites: 100,
      metric: 'accuracy',
      best: 0.5,
      by: null,
      begun: null,
      waits: null,
      ended: null,
      round: 2,
      progress: Array.from({ length: 100 }, (_, at) => ({
        site: `site-${at + 1}`,
        phase: 'running',
        done,
        total: 100,
        perSecond: 12,
        since: null,
        connected: true,
        isWaitedFor: at % 7 === 0,
        rounds: 1,
        note: null,
      })),
      waiting: null,
      failure: null,
      error: null,
      facts: [],
      notes: [],
      next: [],
      actions: [],
      hasReport: false,
    };
  }

  async act(): Promise<string> {
    return '';
  }

  async close(): Promise<void> {}
}
