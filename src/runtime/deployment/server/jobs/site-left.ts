import { type ErrorReport, flError, type NeuroflareError, reviveError } from '../../../base/errors/errors.ts';
import { saidBy } from '../../../base/errors/said-by.ts';
import type { Decision } from '../../../network/messages/site.ts';
import type { DecisionRecord } from '../../store/server-store.ts';

/** The reason by which the server itself takes a site out of a job. */
const OF_THE_SERVER = 'NF_SITE_LEFT_STUDY';

/** What a site said of a job, under no code of the server's own: its words stay, as the site's. */
export function saidBySite(site: string, { answer, reason }: Decision): Decision {
  if (!reason) return { answer };
  const own = reason.code === OF_THE_SERVER ? { ...reason, code: 'NF_SITE_LEFT' } : reason;
  return { answer, reason: saidBy(site, own) };
}

/** Whether a site was taken out of the job: what it did before is in it. */
export function wasTakenOut({ reason }: Pick<Decision, 'reason'>): boolean {
  return reason?.code === OF_THE_SERVER;
}

/** Why a site takes no part any more: it is not in the job's study, or has its own reason. */
export function leftError(
  { site, reason }: Pick<DecisionRecord, 'site' | 'reason'>,
  round?: number,
): NeuroflareError {
  const place = { site, ...(round !== undefined && { round }) };
  if (wasTakenOut({ reason })) return reviveError({ ...(reason as ErrorReport), place });
  return flError('NF_SITE_LEFT', { site, reason: reason?.message ?? 'no reason given' }, { place });
}
