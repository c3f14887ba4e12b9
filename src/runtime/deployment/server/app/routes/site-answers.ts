import { z } from 'zod';
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
      const { round, started, progress } = request.body;
      if (run.channel.task(site)?.round !== round) return {};
      if (started) deps.registry.note(site, { job_id: run.record.id, phase: 'running', round });
      if (started) await run.channel.deliver(site, { type: 'started', site, round });
      if (progress) await run.channel.deliver(site, { type: 'progress', site, round, ...progress });
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
    const { run, site } = job;
    const { round, engine } = body;
    return run.training.held.during(body.update?.sha256, async () => {
      const result = await checkResult(deps, job, body);
      if (result && engine) await run.channel.deliver(site, { type: 'engine', site, round, engine });
      if (result) return run.channel.deliver(site, { type: 'result', round, result });
      // The task is not the site's any more.
      return run.training.verdictOn(site, round);
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
      const { round, seconds } = request.body;
      const verdict = await checks.during(`${site} of ${run.record.id}`, () => take(job, request.body));
      if (verdict === 'accepted') run.training.traffic.result(site, seconds);
      return answered(deps, { ...job, round, verdict });
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
      const { round } = request.body;
      const error = saidBy(site, request.body.error as ErrorReport);
      const failure = { ...error, place: { ...error.place, site, round } };
      const verdict = await run.channel.deliver(site, { type: 'failure', site, round, error: failure });
      return answered(deps, { ...job, round, verdict });
    },
  );
}

function answered(
  { logger }: Pick<SiteAnswerDeps, 'logger'>,
  { run, site, round, verdict }: SiteJob & { round: number; verdict: Verdict },
) {
  if (verdict !== 'accepted')
    logger.info({ job: run.record.id, site, round, verdict }, 'an answer that changes nothing');
  return { verdict, round: run.training.waiting?.round ?? null };
}
