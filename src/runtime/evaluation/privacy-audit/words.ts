import { threeDigits } from '../../base/text/three-digits.ts';
import type { PrivacyAudit } from './result.ts';

/** Sentences on an audit that a terminal and a report share. */

export function guaranteeWords({ guarantee }: PrivacyAudit): string {
  if (!guarantee) return 'The job promises nothing: it has no privacy.';
  const { epsilon, epsilon_rdp: byRdp, delta, reason, noise, sampling_rate: rate, steps, clip } = guarantee;
  const how = `${steps} steps, noise ${threeDigits(noise)}, rate ${threeDigits(rate)}, clip ${threeDigits(clip)}`;
  if (epsilon === null || byRdp === null) return `The job promises nothing: ${reason} (${how}).`;
  return `Epsilon ${threeDigits(epsilon)} at delta ${delta}, for each group of people of each site (${how}). By Renyi divergences, which add up over jobs: ${threeDigits(byRdp)}.`;
}

export function checkWords(check: NonNullable<PrivacyAudit['check']>): string {
  const looked = `${check.canaries} canaries through ${check.steps} steps`;
  return check.verdict === 'as_promised'
    ? `Steps do what they say: ${looked}, and no moment is off by more than ${check.limit.toFixed(1)} standard errors.`
    : `Steps do not do what they say (${looked}): ${check.faults.join('; ')}.`;
}

export function oneRunWords(one: NonNullable<PrivacyAudit['one_run']>): string {
  const { right, guesses, bound, largest_bound: largest, claimed, delta, verdict } = one;
  const found = `${right} of ${guesses} guesses were right: epsilon is at least ${threeDigits(bound)} at delta ${delta} (95 %)`;
  const most = `The bound could have come to ${threeDigits(largest)} at most`;
  return verdict === 'contradicts'
    ? `${found}, and ${threeDigits(claimed)} was promised: the promise is broken. ${most}.`
    : `${found}, which does not contradict the ${threeDigits(claimed)} that the steps have there. ${most}.`;
}

export function membershipWords({ membership }: PrivacyAudit): string {
  const { auc, members, others, references } = membership;
  const by = references === 0 ? 'their losses alone' : `losses beside those of ${references} other runs`;
  const range =
    auc.low === null || auc.high === null ? '' : ` (${threeDigits(auc.low)} to ${threeDigits(auc.high)})`;
  const told = auc.low !== null && auc.low > 0.5;
  return `By ${by}, ${members} groups that were trained on are ${told ? '' : 'not shown to be '}told from ${others} others: AUC ${auc.value === null ? 'undefined' : threeDigits(auc.value)}${range}; 0.5 is guessing.`;
}

export const NO_PROOF = 'An attack that fails is no proof: what is promised follows from the noise alone.';
