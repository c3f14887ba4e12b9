import type { PrivacyAudit } from '../runtime/evaluation/privacy-audit/result.ts';
import {
  checkWords,
  digits,
  guaranteeWords,
  membershipWords,
  NO_PROOF,
  oneRunWords,
} from '../runtime/evaluation/privacy-audit/words.ts';
import { renderTable } from './table.ts';

/** An audit for people: the promise, the check, the attacks. */
export function renderPrivacyAudit({ file, audit }: { file: string; audit: PrivacyAudit }): string {
  const { check, one_run: oneRun, membership } = audit;
  return [
    guaranteeWords(audit),
    ...(check ? [checkWords(check)] : []),
    ...(oneRun ? [oneRunWords(oneRun)] : []),
    membershipWords(audit),
    renderTable(
      ['false alarms allowed', 'members found', '95 % interval', 'epsilon at least'],
      membership.at_rates.map((one) => [
        `${digits(100 * one.false_positive_rate)} %`,
        `${one.found} of ${membership.members}`,
        `${digits(100 * one.low)} to ${digits(100 * one.high)} %`,
        digits(one.epsilon),
      ]),
    ),
    NO_PROOF,
    `Written: ${file}`,
  ].join('\n');
}
