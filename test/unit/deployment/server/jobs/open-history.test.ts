import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { flError } from '../../../../../src/runtime/base/errors/errors.ts';
import { openLog } from '../../../../../src/runtime/base/logging/logger.ts';
import { WorkThread } from '../../../../../src/runtime/deployment/server/heavy-work/work-thread.ts';
import { jobFiles } from '../../../../../src/runtime/deployment/server/jobs/job-files.ts';
import { STEP_NOTE } from '../../../../../src/runtime/deployment/server/jobs/one-step.ts';
import { openHistory } from '../../../../../src/runtime/deployment/server/jobs/open-history.ts';
import { stateFolder } from '../../../../../src/runtime/deployment/server/state-folder.ts';
import { openSqliteStore } from '../../../../../src/runtime/deployment/store/sqlite/sqlite-store.ts';
import { loadJob } from '../../../../../src/runtime/job/load.ts';
import { writeJob } from '../../../../support/job-folder.ts';
import { jobRecord } from '../../../../support/job-records.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();

it('a job that is aborted while its model is made ends at once, and leaves no note of the step', async () => {
  const state = stateFolder(join(root, 'state'));
  const record = jobRecord();
  const folder = state.job(record.id);
  await mkdir(folder.root, { recursive: true });
  const store = await openSqliteStore(state.database);
  const logger = openLog({ path: state.log, level: 'info', maxMegabytes: 1, keptFiles: 1 });
  const work = new WorkThread();
  const stop = new AbortController();
  const bundle = await writeJob(folder.at('bundle'));
  const files = jobFiles(folder, () => undefined);
  // Aborted when the thread has its order, and is still starting.
  const keepModel: typeof files.keepModel = (round, write) =>
    files.keepModel(round, (target) => {
      setImmediate(() => stop.abort(flError('NF_JOB_ABORTED', { who: 'ann@example.org' })));
      return write(target);
    });
  try {
    await store.addJob(record);
    const { definition: job } = await loadJob(bundle);
    const opening = openHistory({
      record,
      job,
      journal: store.journal(record.id),
      files: { ...files, keepModel },
      work,
      logger,
      mostModelBytes: 1e9,
      folder,
      signal: stop.signal,
    });
    await expect(opening).rejects.toMatchObject({ code: 'NF_JOB_ABORTED' });
    expect(await readdir(folder.root)).not.toContain(STEP_NOTE);
  } finally {
    await work.close();
    await store.close();
    await logger.close();
  }
});
