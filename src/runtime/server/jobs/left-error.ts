import { type ErrorReport, flError, type NeuroflareError, reviveError } from '../../kernel/errors.ts';
import type { DecisionRecord } from '../../store/server-store.ts';

/** Why a site takes no part any more: it is not in the job's study, or has its own reason. */
export function leftError(
  { site, reason }: Pick<DecisionRecord, 'site' | 'reason'>,
  round?: number,
): NeuroflareError {
  const place = { site, ...(round !== undefined && { round }) };
  if (reason?.code === 'NF_SITE_LEFT_STUDY') return reviveError({ ...(reason as ErrorReport), place });
  return flError('NF_SITE_LEFT', { site, reason: reason?.message ?? 'no reason given' }, { place });
}
