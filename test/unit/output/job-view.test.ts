import { describe, expect, it, vi } from 'vitest';
import { createJobView } from '../../../src/output/job-view.ts';
import type { JobMeta } from '../../../src/runtime/network/messages/admin.ts';

/** What is said of a minute in which a job waits for one site. */
function saidInAMinute(repeats: boolean): string[] {
  const lines: string[] = [];
  let now = 1000;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const view = createJobView((text) => lines.push(text), repeats);
  const waiting = { what: 'site-2', since: '2026-11-29T13:32:25.379Z', rule: 'all 2 sites' };
  const meta = { status: 'RUNNING', num_rounds: 3, metric: 'accuracy', waiting } as unknown as JobMeta;
  for (; now < 61_000; now += 2000) view.onNews([], meta);
  vi.restoreAllMocks();
  return lines.filter((line) => line.startsWith('waiting for site-2'));
}

describe('a job that waits', () => {
  it('says so once in a file', () => {
    expect(saidInAMinute(false)).toHaveLength(1);
  });

  it('says so again now and then on a screen', () => {
    expect(saidInAMinute(true).length).toBeGreaterThan(2);
  });
});
