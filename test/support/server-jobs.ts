import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { openLog } from '../../src/runtime/base/logging/logger.ts';
import { WorkThread } from '../../src/runtime/deployment/server/heavy-work/work-thread.ts';
import type { JobRun } from '../../src/runtime/deployment/server/jobs/job-run.ts';
import { openJobs } from '../../src/runtime/deployment/server/jobs/jobs.ts';
import { Studies } from '../../src/runtime/deployment/server/policy/studies.ts';
import { SiteRegistry } from '../../src/runtime/deployment/server/sites/site-registry.ts';
import { stateFolder } from '../../src/runtime/deployment/server/state-folder.ts';
import type { JobRecord } from '../../src/runtime/deployment/store/server-store.ts';
import { openSqliteStore } from '../../src/runtime/deployment/store/sqlite/sqlite-store.ts';
import { type JobParts, writeJob } from './job-folder.ts';
import { jobRecord } from './job-records.ts';
import { hello } from './raw-site.ts';

export type ServerJobs = Awaited<ReturnType<typeof openServerJobs>>;

/** The jobs of a server without its routes: a real database, real threads and a real registry of sites, in a folder. */
export async function openServerJobs(root: string, { maxJobs = 2 } = {}) {
  const state = stateFolder(root);
  await mkdir(root, { recursive: true });
  const store = await openSqliteStore(state.database);
  const studies = new Studies(store, await store.studies());
  const registry = new SiteRegistry([]);
  const work = new WorkThread();
  const logger = openLog({ path: state.log, level: 'info', maxMegabytes: 1, keptFiles: 1 });
  /** What people are told, and what becomes of jobs. */
  const told: string[] = [];
  const jobs = openJobs({
    project: 'brain',
    rootPem: 'PEM',
    state,
    store,
    studies,
    registry,
    work,
    logger,
    tell: (line) => void told.push(line),
    maxJobs,
    mostModelBytes: 1e9,
    onStatus: ({ record: { name, status } }) => void told.push(`${name} ${status}`),
    onRound: () => undefined,
    onTrouble: (_run, { code }) => void told.push(code),
  });
  const alive = setInterval(() => {
    for (const { site, id } of registry.sessions()) registry.renew(site, id);
  }, 1000);
  return {
    ...jobs,
    state,
    store,
    studies,
    registry,
    work,
    logger,
    told,
    /** A job that was taken in before the server started. */
    add: async (over: Partial<JobRecord> = {}, parts: JobParts = {}) => {
      const record = jobRecord({ studyId: 'default', ...over });
      await writeJob(state.job(record.id).at('bundle'), parts);
      await store.addJob(record);
      return record;
    },
    start: async () => {
      await jobs.restart.prepare();
      await jobs.restart.start();
    },
    comes: (name: string) => registry.open({ name, org: 'o' }, hello(randomUUID()), '127.0.0.1'),
    status: async (id: string) => (jobs.scheduler.find(id)?.record ?? (await store.job(id)))?.status,
    run: (id: string): JobRun => {
      const run = jobs.scheduler.find(id);
      if (!run) throw new Error('no such job');
      return run;
    },
    close: async () => {
      clearInterval(alive);
      await jobs.stop();
      registry.stop();
      await work.close();
      await store.close();
      await logger.close();
    },
  };
}
