import { f64At } from '../../base/at.ts';
import { exactInterval } from '../../privacy/audit/binomial.ts';
import { aurocFigure } from '../../statistics/auroc-figure.ts';
import { estimateOf, indexGroups } from '../../statistics/figure.ts';
import type { PrivacyAudit } from './result.ts';

/** A group of people, as one who knows its pictures sees it. */
export interface Suspect {
  readonly group: string;
  readonly site: string;
  /** Class of most of its pictures. */
  readonly class: string;
  /** Whether the model was trained on it. */
  readonly isMember: boolean;
  /** How much more the model knows its pictures than one that was not trained on them: higher is more like a member. */
  readonly score: number;
}

/** Fewer of either kind say nothing of a class or a site. */
const LEAST = 10;
const FALSE_POSITIVE_RATES = [0.01, 0.001];

type Membership = PrivacyAudit['membership'];

/**
 * How well those who were trained on are told from others by their losses (Yeom et al., "Privacy risk in machine learning", 2018), judged by the losses of
 * models that were trained on others where there are some (Watson et al., "On the importance of difficulty calibration in membership inference attacks", 2022).
 */
export function judgeMembership(suspects: readonly Suspect[]): Omit<Membership, 'references'> {
  const names = (of: (one: Suspect) => string) => [...new Set(suspects.map(of))].sort();
  const among = (isOf: (one: Suspect) => boolean) => {
    const area = areaOf(suspects.filter(isOf));
    return Math.min(area.members, area.others) < LEAST ? [] : [area];
  };
  return {
    ...areaOf(suspects),
    at_rates: FALSE_POSITIVE_RATES.map((rate) => atRate(suspects, rate)),
    by_class: names((one) => one.class).flatMap((name) =>
      among((one) => one.class === name).map((area) => ({ class: name, ...area })),
    ),
    by_site: names(({ site }) => site).flatMap((name) =>
      among(({ site }) => site === name).map((area) => ({ site: name, ...area })),
    ),
  };
}

function areaOf(suspects: readonly Suspect[]): Pick<Membership, 'members' | 'others' | 'auc'> {
  const members = suspects.filter(({ isMember }) => isMember).length;
  const scores = Float64Array.from(suspects, ({ score }) => score);
  const positive = Uint8Array.from(suspects, ({ isMember }) => (isMember ? 1 : 0));
  const figure = aurocFigure(scores, positive, indexGroups(suspects.map(({ group }) => group)));
  return { members, others: suspects.length - members, auc: estimateOf(figure) };
}

/** Members that lie above as many of the others as may be taken for members (Carlini et al., "Membership inference attacks from first principles", 2022). */
function atRate(suspects: readonly Suspect[], allowed: number): Membership['at_rates'][number] {
  const scoresOf = (kind: boolean) =>
    Float64Array.from(
      suspects.filter(({ isMember }) => isMember === kind),
      ({ score }) => score,
    );
  const [own, others] = [scoresOf(true), scoresOf(false).sort().reverse()];
  const threshold = f64At(others, Math.min(others.length - 1, Math.floor(allowed * others.length)));
  const falsePositives = others.filter((score) => score > threshold).length;
  const found = own.filter((score) => score > threshold).length;
  const interval = exactInterval(found, own.length);
  const { high: falseHigh } = exactInterval(falsePositives, others.length);
  return {
    false_positive_rate: allowed,
    false_positives: falsePositives,
    false_positives_high: falseHigh,
    found,
    rate: found / own.length,
    ...interval,
    epsilon: interval.low === 0 ? 0 : Math.max(0, Math.log(interval.low / falseHigh)),
  };
}
