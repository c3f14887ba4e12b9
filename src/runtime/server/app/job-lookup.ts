import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { flError } from '../../kernel/errors.ts';
import type { Identity } from '../../security/certificate/identity.ts';
import type { Right } from '../../security/policy/authorization.ts';
import type { JobRecord } from '../../store/server-store.ts';
import type { ServerContext } from '../context.ts';

/** A whole id, or as much of its beginning as names one job. */
export const ofJob = z.object({ job: z.string() });

const ID = /^[0-9a-f-]{4,36}$/;

type Asked = Pick<FastifyRequest, 'identity'> & { readonly params: { readonly job: string } };

/** A job somebody has this right over; to those who may not see it, it is as if it were not there. */
export async function jobOf(
  context: Pick<ServerContext, 'access' | 'jobs' | 'store'>,
  { identity, params }: Asked,
  right: Right,
): Promise<JobRecord> {
  const record = await findJob(context, params.job, identity);
  const { access } = context;
  if (!access.mayWithJob(identity, 'view', record))
    throw flError('NF_JOB_UNKNOWN', { job: params.job, nearest: '' });
  access.requireForJob(identity, right, record);
  return record;
}

async function findJob(
  { access, jobs, store }: Pick<ServerContext, 'access' | 'jobs' | 'store'>,
  given: string,
  user: Identity,
): Promise<JobRecord> {
  if (!ID.test(given)) {
    const named = (await store.jobs()).filter(
      (job) => job.name === given && access.mayWithJob(user, 'view', job),
    );
    const ids = named.map(({ id }) => id).join(', ');
    const short = /^[0-9a-f]{1,3}$/.test(given) ? ' Of an id, give at least the first four characters.' : '';
    const nearest = named.length > 0 ? ` Jobs of that name: ${ids}.` : short;
    throw flError('NF_JOB_UNKNOWN', { job: given, nearest });
  }
  if (given.length === 36) return jobs.record(given);
  const found = (await store.jobs()).filter(
    (job) => job.id.startsWith(given) && access.mayWithJob(user, 'view', job),
  );
  if (found.length > 1)
    throw flError('NF_JOB_AMBIGUOUS', { job: given, jobs: found.map(({ id }) => id).join(', ') });
  return jobs.record(found[0]?.id ?? given);
}
