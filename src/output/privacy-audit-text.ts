import { threeDigits } from '../runtime/base/text/three-digits.ts';
import type { PrivacyAudit } from '../runtime/evaluation/privacy-audit/result.ts';
import {
  checkWords,
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
        `${threeDigits(100 * one.false_positive_rate)} %`,
        `${one.found} of ${membership.members}`,
        `${threeDigits(100 * one.low)} to ${threeDigits(100 * one.high)} %`,
        threeDigits(one.epsilon),
      ]),
    ),
    NO_PROOF,
    `Written: ${file}`,
  ].join('\n');
}
