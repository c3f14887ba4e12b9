import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { flError } from '../../../base/errors/errors.ts';
import { didYouMean } from '../../../base/text/nearest.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import type { Right } from '../../../security/policy/authorization.ts';
import type { JobRecord, ServerStore } from '../../store/server-store.ts';
import type { JobScheduler } from '../jobs/job-scheduler.ts';
import type { Access } from '../policy/access.ts';
import { rightOf } from './route-access.ts';

export interface JobLookupDeps {
  readonly access: Access;
  readonly scheduler: Pick<JobScheduler, 'find'>;
  readonly store: Pick<ServerStore, 'job' | 'jobs'>;
}

/** A whole id, or as much of its beginning as names one job. */
export const ofJob = z.object({ job: z.string() });

const ID = /^[0-9a-f-]{4,36}$/;

type Asked = Pick<FastifyRequest, 'identity'> & { readonly params: { readonly job: string } };

/** A job somebody has the right over that the table of rights names for the route; to those who may not see it, it is as if it were not there. */
export async function jobOf(
  deps: JobLookupDeps,
  request: Asked & Pick<FastifyRequest, 'routeOptions'>,
): Promise<JobRecord> {
  return jobWithRight(deps, request, rightOf(request));
}

/** As `jobOf`, with a right that is not the route's. */
export async function jobWithRight(
  deps: JobLookupDeps,
  { identity, params }: Asked,
  right: Right,
): Promise<JobRecord> {
  const record = await findJob(deps, params.job, identity);
  const { access } = deps;
  access.requireForJob(identity, right, record);
  return record;
}

async function findJob(
  { access, scheduler, store }: JobLookupDeps,
  given: string,
  user: Identity,
): Promise<JobRecord> {
  const isSeen = (job: JobRecord) => access.mayWithJob(user, 'view', job);
  const one = given.length === 36 ? (scheduler.find(given)?.record ?? (await store.job(given))) : undefined;
  if (one && isSeen(one)) return one;
  const seen = (await store.jobs()).filter(isSeen);
  if (!ID.test(given)) {
    const ids = seen.filter(({ name }) => name === given).map(({ id }) => id);
    const short = /^[0-9a-f]{1,3}$/.test(given) ? ' Of an id, give at least the first four characters.' : '';
    const nearest = ids.length > 0 ? ` Jobs of that name: ${ids.join(', ')}.` : short;
    throw flError('NF_JOB_UNKNOWN', { job: given, nearest });
  }
  const found = seen.filter(({ id }) => id.startsWith(given));
  if (found.length > 1)
    throw flError('NF_JOB_AMBIGUOUS', { job: given, jobs: found.map(({ id }) => id).join(', ') });
  const [only] = found;
  if (only) return scheduler.find(only.id)?.record ?? only;
  throw flError('NF_JOB_UNKNOWN', {
    job: given,
    nearest: didYouMean(
      given,
      seen.map(({ id }) => id),
    ),
  });
}
