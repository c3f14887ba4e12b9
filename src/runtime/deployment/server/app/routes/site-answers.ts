import { z } from 'zod';
import { partsOfTask } from '../../../../algorithms/task.ts';
import type { ErrorReport } from '../../../../base/errors/errors.ts';
import { saidBy } from '../../../../base/errors/said-by.ts';
import { AT_ONCE_LIMITS } from '../../../../base/limits.ts';
import type { Logger } from '../../../../base/logging/logger.ts';
import type { Verdict } from '../../../../federation/channel.ts';
import { jobId } from '../../../../network/messages/shapes.ts';
import {
  logLines,
  report,
  type TaskResult,
  taskFailure,
  taskResult,
  verdictAnswer,
} from '../../../../network/messages/site.ts';
import { checkResult, type ResultCheckDeps } from '../../jobs/check-result.ts';
import { Lines } from '../../turns.ts';
import type { App } from '../app.ts';
import { type SiteJob, type SiteJobLookup, siteJobOf } from './site-jobs.ts';

const ofJob = z.object({ job: jobId });
const nothing = z.object({});

export interface SiteAnswerDeps extends SiteJobLookup, ResultCheckDeps {
  readonly logger: Logger;
}

/** What a site says of its task: how far it is, what it made, why it could not. */
export function siteAnswerRoutes(app: App, deps: SiteAnswerDeps): void {
  progressRoutes(app, deps);
  answerRoutes(app, deps);
}

function progressRoutes(app: App, deps: SiteAnswerDeps): void {
  app.post(
    '/:job/reports',
    { schema: { summary: 'How far a task is.', params: ofJob, body: report, response: { 200: nothing } } },
    async (request) => {
      const { run, site } = siteJobOf(deps, request);
      const { task, started, progress } = request.body;
      if (run.channel.task(site)?.id !== task) return {};
      if (started) deps.registry.note(site, { job_id: run.record.id, phase: 'running', task });
      if (started) await run.channel.deliver({ type: 'started', task });
      if (progress) await run.channel.deliver({ type: 'progress', task, ...progress });
      return {};
    },
  );

  app.post(
    '/:job/logs',
    {
      schema: {
        summary: 'Lines that the site lets out.',
        params: ofJob,
        body: logLines,
        response: { 200: nothing },
      },
    },
    async (request) => {
      const { run, site } = siteJobOf(deps, request);
      await run.siteLogs.append(site, request.body.lines);
      run.bell.ring();
      return {};
    },
  );
}

function answerRoutes(app: App, deps: SiteAnswerDeps): void {
  // The bytes of an update are read to check it: a copy that is sent meanwhile finds the task answered when its turn comes.
  const checks = new Lines({ atOnce: AT_ONCE_LIMITS.answers, waiting: AT_ONCE_LIMITS.more_answers });
  const take = async (job: SiteJob, body: TaskResult) => {
    const { run } = job;
    const { task, engine } = body;
    const digests = Object.values(body.files).map(({ sha256 }) => sha256);
    return run.training.held.during(digests, async (hold) => {
      const result = await checkResult(deps, { ...job, hold }, body);
      if (result && engine) await run.channel.deliver({ type: 'engine', task, engine });
      if (result) return run.channel.deliver({ type: 'result', task, result });
      // The task is not the site's any more, or another site's.
      return verdictOn(task, job);
    });
  };
  app.post(
    '/:job/results',
    {
      schema: {
        summary: 'Answers a task.',
        params: ofJob,
        body: taskResult,
        response: { 200: verdictAnswer },
      },
    },
    async (request) => {
      const job = siteJobOf(deps, request);
      const { run, site } = job;
      const { task, seconds } = request.body;
      const verdict = await checks.during(`${site} of ${run.record.id}`, () => take(job, request.body));
      if (verdict === 'accepted') run.training.traffic.result(site, seconds);
      return answered(deps, { ...job, task, verdict });
    },
  );

  app.post(
    '/:job/failures',
    {
      schema: {
        summary: 'A task that could not be done.',
        params: ofJob,
        body: taskFailure,
        response: { 200: verdictAnswer },
      },
    },
    async (request) => {
      const job = siteJobOf(deps, request);
      const { run, site } = job;
      const { task } = request.body;
      const error = saidBy(site, request.body.error as ErrorReport);
      const { site: whose, round } = partsOfTask(task);
      const failure = { ...error, place: { ...error.place, site, round } };
      const verdict =
        whose === site
          ? await run.channel.deliver({ type: 'failure', task, error: failure })
          : verdictOn(task, job);
      return answered(deps, { ...job, task, verdict });
    },
  );
}

function answered(
  { logger }: Pick<SiteAnswerDeps, 'logger'>,
  { run, site, task, verdict }: SiteJob & { task: string; verdict: Verdict },
) {
  if (verdict !== 'accepted')
    logger.info({ job: run.record.id, site, task, verdict }, 'an answer that changes nothing');
  return { verdict, round: run.training.waiting?.round ?? null };
}

/** What an answer of this site to a task counts for, if it came now. */
function verdictOn(task: string, { run, site }: SiteJob): Verdict {
  return partsOfTask(task).site === site ? run.training.verdictOn(task) : 'stranger';
}
