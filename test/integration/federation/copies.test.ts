import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WorkThread } from '../../../src/runtime/deployment/server/heavy-work/work-thread.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';
import { float32 } from '../../support/param-sets.ts';
import { RawSite } from '../../support/raw-site.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;

beforeAll(async () => {
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits'), { clients: 1 }));
  await federation.startServer();
});
afterAll(() => federation.close());

describe('an answer that a site sends many times at once', () => {
  it('is checked once, and the copies are told what became of it', async () => {
    const folder = await writeJob(join(root, 'job'), {
      patch: { workflow: { n_clients: 1, num_rounds: 1, site_timeout: 600 } },
    });
    const site = await RawSite.connect(federation.kits, 'site-1');
    const job = await federation.submit(folder);
    await site.accept(job);
    await site.task(job);
    const update = await site.upload(job, { weights: float32([1, 2, 3, 4]) });
    const { run } = WorkThread.prototype;
    const work = vi.spyOn(WorkThread.prototype, 'run').mockImplementation(async function (
      this: WorkThread,
      ...given
    ) {
      // So long that the others come meanwhile, as while 100 MB are read.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return run.apply(this, given);
    });
    const answers = await Promise.all(
      Array.from({ length: 12 }, () =>
        site.result(job, { update }).then(
          ({ verdict }) => verdict,
          ({ code }: { code: string }) => code,
        ),
      ),
    );
    const checks = work.mock.calls.filter(([name]) => name === 'checkFile');
    work.mockRestore();
    expect(checks).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'accepted')).toHaveLength(1);
    for (const answer of answers) expect(['accepted', 'duplicate', 'NF_AT_ONCE']).toContain(answer);
    await site.close();
  });
});
