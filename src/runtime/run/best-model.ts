import type { BestModel } from './events.ts';
import { poolReports, type SiteReport } from './pool-reports.ts';

/** What chooses the best model. */
export interface Goal {
  readonly keyMetric: string;
  readonly keyMetricGoal: 'maximize' | 'minimize';
  /** Where sites are drawn anew in each round, undefined: all of them are asked. */
  readonly clientsPerRound: number | undefined;
  readonly maxWeightRatio: number;
}

/** A global model with the reports of the sites that scored it. */
export interface Contender {
  readonly model: BestModel;
  readonly reports: readonly SiteReport[];
}

/** The best model so far, and the best since one of its sites gives no figure any more. */
export interface Contest {
  readonly best?: Contender | undefined;
  readonly standIn?: Contender | undefined;
}

/**
 * Models are compared over the sites that scored both of them: a figure of other sites says nothing of a model. One that not all sites
 * of the best have scored is put aside. It takes the best one's place only if those sites stay away to the end of the run; a model
 * that they score again ends that. Of equals the first is the best, but any trained model is better than the untrained one, and one
 * that more sites scored better than one of fewer.
 *
 * Where a job draws the sites of each round, each figure is one of a sample, and models without a common site are compared as they are.
 */
export function contest({ best, standIn }: Contest, scored: Contender, goal: Goal): Contest {
  if (!best) return { best: scored };
  if (goal.clientsPerRound === undefined && !covers(scored, best))
    return { best, standIn: beats(scored, standIn ?? best, goal) ? scored : standIn };
  return { best: beats(scored, best, goal) ? scored : best };
}

/** The best model, if the run ended now. */
export function winnerOf({ best, standIn }: Contest): BestModel | undefined {
  return (standIn ?? best)?.model;
}

function beats(one: Contender, other: Contender, goal: Goal): boolean {
  const [value, than] = valuesOf(one, other, goal);
  if (value !== than) return goal.keyMetricGoal === 'maximize' ? value > than : value < than;
  return other.model.round === 0 || one.reports.length > other.reports.length;
}

/** Of both, over the sites that scored both. */
function valuesOf(one: Contender, other: Contender, goal: Goal): [number, number] {
  if (covers(one, other) && covers(other, one)) return [one.model.value, other.model.value];
  const over = ({ reports }: Contender, { reports: others }: Contender) => {
    const sites = new Set(others.map(({ site }) => site));
    const value = poolReports(
      reports.filter(({ site }) => sites.has(site)),
      goal,
    )[goal.keyMetric];
    return typeof value === 'number' ? value : undefined;
  };
  const [value, than] = [over(one, other), over(other, one)];
  return value === undefined || than === undefined ? [one.model.value, other.model.value] : [value, than];
}

/** Whether every site that scored the other has scored this one. */
function covers({ reports }: Contender, other: Contender): boolean {
  const sites = new Set(reports.map(({ site }) => site));
  return other.reports.every(({ site }) => sites.has(site));
}
