import { openIntake } from '../../../federation/intake/intake.ts';
import { RUN_FILES } from '../../../run/run-folder.ts';
import type { JobRecord } from '../../store/server-store.ts';
import { checkJob } from './check-job.ts';
import { JobIntake, type JobIntakeDeps } from './job-intake.ts';
import { JobRestart, type JobRestartDeps } from './job-restart.ts';
import { JobRun, type JobRunDeps } from './job-run.ts';
import { JobScheduler, type SchedulerDeps } from './job-scheduler.ts';
import { oneStep, STEP_NOTE } from './one-step.ts';

type AmongOthers = 'eligible' | 'mayBegin' | 'othersAt';

export interface JobsDeps
  extends SchedulerDeps,
    Omit<JobIntakeDeps, 'scheduler' | 'open' | 'intake' | 'registry'>,
    Omit<JobRestartDeps, 'scheduler' | 'open' | 'store' | 'logger'>,
    Omit<JobRunDeps, 'folder' | AmongOthers> {
  readonly registry: JobRunDeps['registry'];
  readonly studies: JobIntakeDeps['studies'];
}

/** All jobs of a server: how they come in, when their turn is, and how they are found again after a start. */
export interface Jobs {
  readonly intake: JobIntake;
  readonly scheduler: JobScheduler;
  readonly restart: JobRestart;
  /** Jobs are left where they are; they go on with the next start. */
  stop(): Promise<void>;
}

export function openJobs(deps: JobsDeps): Jobs {
  const { state, store, mostModelBytes } = deps;
  const thread = openIntake();
  const scheduler = new JobScheduler(deps);
  /** What a job asks about itself among the others. */
  const places: Pick<JobRunDeps, AmongOthers> = {
    eligible: (run) => scheduler.eligible(run),
    mayBegin: (run) => scheduler.mayBegin(run),
    othersAt: (site, run) => scheduler.othersAt(site, run),
  };
  const open = async (record: JobRecord, signal?: AbortSignal) => {
    const folder = state.job(record.id);
    const bundle = {
      folder: folder.at(RUN_FILES.bundle),
      modelComesApart: record.initialModel !== undefined,
    };
    const check = () => checkJob({ intake: thread, mostModelBytes }, bundle, signal);
    const job = await oneStep(folder.at(STEP_NOTE), 'opening this job', check);
    const decisions = await store.decisions(record.id);
    return new JobRun({ record, job, decisions }, { ...deps, ...places, folder });
  };
  const restart = new JobRestart({ ...deps, scheduler, open });
  return {
    scheduler,
    restart,
    intake: new JobIntake({ ...deps, intake: thread, scheduler, open }),
    stop: async () => {
      restart.close();
      scheduler.close();
      await thread.close();
      await scheduler.stop();
    },
  };
}
