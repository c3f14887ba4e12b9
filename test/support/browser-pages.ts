import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { runCli } from './cli.ts';

/** The browser of the system; playwright's own would have to be fetched. */
export const BROWSER = process.env.NEUROFLARE_CHROMIUM ?? '/usr/bin/chromium';
/** Where the pictures go for those who want to look at them. */
const PICTURES = process.env.NEUROFLARE_PICTURES;

/** A picture of the whole page as `name`.png, where pictures are wanted. */
export async function shot(page: Page, name: string): Promise<void> {
  if (!PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}

/** What of the page as it stands is against the rules of WCAG that axe knows: a line each, with the first element. */
export async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(
    `axe.run().then(({ violations }) => violations.map(({ id, help, nodes }) => id + ': ' + help + ', ' + nodes[0].html))`,
  );
}

/**
 * In `cwd`: made heads of two sites as `bids`, their split by site, and a job `heads` that is simulated with `simulate` and then judged by
 * the command `judge`.
 * @param size of the heads, in voxels
 */
export async function judgeHeads(
  cwd: string,
  { size, simulate, judge }: { size: number; simulate: readonly string[]; judge: readonly string[] },
): Promise<void> {
  const split = '--strategy column --site-column site --fold 1/3 --out split.json';
  const steps = [
    `preprocess phantom bids --per-class 12 --sites 2 --size ${size} -q`.split(' '),
    `preprocess split bids ${split}`.split(' '),
    [
      'job',
      'create',
      'heads',
      '--template',
      'mri-fedavg',
      ...set('data=bids', 'split=split.json', 'name=heads'),
    ],
    ['simulate', 'heads', '-q', ...simulate],
    judge,
  ];
  for (const step of steps) expect(await runCli(step, { cwd })).toMatchObject({ code: 0 });
}

/** Words that give parameters of a job. */
export function set(...pairs: readonly string[]): string[] {
  return pairs.flatMap((pair) => ['--set', pair]);
}
