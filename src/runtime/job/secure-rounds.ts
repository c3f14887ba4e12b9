import { workflowOf } from '../algorithms/registry.ts';
import { flError } from '../base/errors/errors.ts';
import { counted } from '../base/text/counted.ts';
import {
  colluding,
  dropOuts,
  LEAST_SITES,
  leastThreshold,
  MOST_SITES,
  usualThreshold,
} from '../masking/thresholds.ts';
import { isCrossSite } from './cross-site.ts';
import type { JobDefinition } from './definition.ts';
import { isJudgedAtSites } from './evaluation.ts';
import { harmonisationOf } from './harmonisation.ts';
import type { SecureAggregation } from './secure-aggregation.ts';
import { hasOwnModels } from './workflow-tasks.ts';

const KEY = 'secure_aggregation';

/** Who takes part in a job, and how many answers a round needs. */
interface Planned {
  readonly job: JobDefinition;
  readonly sites: readonly string[];
  readonly minClients: number;
}

/** What of a job goes with secure aggregation, and what does not. */
export interface Compatible {
  /** Dotted, of the job file. */
  readonly key: string;
  /** As the job has it. */
  readonly value: string;
  readonly goes: boolean;
  readonly why: string;
}

type Row = (job: JobDefinition) => Omit<Compatible, 'goes'> & { readonly goes?: false };

const ROWS: readonly Row[] = [
  ({ workflow: { type } }) => {
    const by = workflowOf(type).sums;
    const of = { key: 'workflow.type', value: type };
    return by === undefined
      ? {
          ...of,
          goes: false,
          why: 'it needs more than sums of its answers: the update, or a figure, of each',
        }
      : { ...of, why: `its rounds need the sum of the updates alone, weighted ${by}` };
  },
  ({ workflow: { options } }) => {
    const value = 'aggregator' in options ? options.aggregator : 'weighted_mean';
    const of = { key: 'workflow.aggregator', value };
    return value === 'weighted_mean'
      ? { ...of, why: 'a mean is a sum' }
      : { ...of, goes: false, why: 'it compares the updates of the sites with one another' };
  },
  ({ workflow }) =>
    used('workflow.cross_site_evaluation', isCrossSite(workflow) && 'true', {
      none: 'no model of a site goes to others',
      why: 'it hands the model of each site to the others',
    }),
  ({ workflow }) =>
    used('workflow.personalize_rounds', hasOwnModels(workflow) && 'models of the sites', {
      none: 'no site has a model of its own',
      why: 'figures of a model that one site has are figures of this site',
    }),
  ({ workflow }) =>
    used('workflow.final_evaluation', isJudgedAtSites(workflow) && 'true', {
      none: 'no site is asked for sums over its test images',
      why: 'it asks each site for sums over its test images',
    }),
  ({ workflow }) =>
    used('workflow.harmonisation', harmonisationOf(workflow), {
      none: 'no site is asked for sums over its pictures',
      why: 'it asks each site for sums over its pictures',
    }),
  ({ privacy }) => ({
    key: 'privacy',
    value: privacy ? 'noise of each site' : 'not used',
    why: 'a site adds all of its noise before an update comes on the grid, so that masks change no promise',
  }),
  ({ packing, resultFilters }) =>
    used(packing ? `task_result_filters.${resultFilters.length}` : 'task_result_filters', packing?.name, {
      none: 'filters are applied before an update comes on the grid',
      why: 'updates that are packed do not add up, and on the grid a number has 4 bytes already',
    }),
];

/** What goes with it as long as it is not used. */
function used(
  key: string,
  value: string | false | undefined,
  { none, why }: { readonly none: string; readonly why: string },
): ReturnType<Row> {
  return value ? { key, value, goes: false, why } : { key, value: 'not used', why: none };
}

/** The table of what goes with secure aggregation, for this job. */
export function compatibleWith(job: JobDefinition): readonly Compatible[] {
  return ROWS.map((row) => ({ goes: true, ...row(job) }));
}

/** How many sites of a round do what. */
export interface MaskedRound {
  /** That are asked. */
  readonly sites: number;
  /** That open a sum. */
  readonly threshold: number;
  /** That may say no more once they have sent their shares. */
  readonly drop_outs: number;
  /** That a server may have on its side and yet learns nothing but the sum of the others. */
  readonly colluding: number;
}

/** Undefined: the job asks for no secure aggregation. */
export function maskedRound({ job, sites: all }: Pick<Planned, 'job' | 'sites'>): MaskedRound | undefined {
  const { secureAggregation: secure, workflow } = job;
  if (!secure) return undefined;
  const { clientsPerRound: some, overSelection } = workflow;
  const sites = Math.min(all.length, some === undefined ? all.length : Math.ceil(some * overSelection));
  const threshold = secure.threshold ?? usualThreshold(sites);
  return {
    sites,
    threshold,
    drop_outs: dropOuts(sites, threshold),
    colluding: colluding(sites, threshold),
  };
}

/** @throws NF_SECAGG_* of a job that cannot be summed up without looking at its updates */
export function requireSecure(plan: Planned): void {
  const round = maskedRound(plan);
  const { secureAggregation: secure } = plan.job;
  if (!round || !secure) return;
  requireSums(plan.job);
  requireCounts(round, secure, plan.minClients);
}

/** @throws NF_SECAGG_NEEDS_EACH */
function requireSums(job: JobDefinition): void {
  const wrong = compatibleWith(job).find(({ goes }) => !goes);
  if (!wrong) return;
  const { key, value, why } = wrong;
  throw flError('NF_SECAGG_NEEDS_EACH', { key, value, why }, { place: { key } });
}

/** @throws NF_SECAGG_SITES, NF_SECAGG_THRESHOLD, NF_SECAGG_TOO_FEW */
function requireCounts(
  { sites, threshold }: MaskedRound,
  { minSites }: SecureAggregation,
  minClients: number,
): void {
  const sitesFault =
    minSites < LEAST_SITES
      ? `${KEY}.min_sites is ${minSites}, and of two sites each learns the update of the other by subtraction`
      : sites < minSites
        ? `a round asks ${counted(sites, 'site')}, and ${minSites} must be in a sum`
        : sites > MOST_SITES
          ? `a round asks ${sites} sites, and each has a mask with each other one`
          : undefined;
  if (sitesFault !== undefined)
    throw flError(
      'NF_SECAGG_SITES',
      { reason: sitesFault, least: Math.max(LEAST_SITES, minSites), most: MOST_SITES },
      { place: { key: `${KEY}.min_sites` } },
    );
  const least = leastThreshold(sites);
  if (threshold < least || threshold > sites)
    throw flError(
      'NF_SECAGG_THRESHOLD',
      { threshold, sites, least, most: sites, usual: usualThreshold(sites) },
      { place: { key: `${KEY}.threshold` } },
    );
  const needed = Math.max(threshold, minSites);
  if (minClients < needed)
    throw flError(
      'NF_SECAGG_TOO_FEW',
      { clients: counted(minClients, 'answer'), needed },
      { place: { key: 'workflow.min_clients' } },
    );
}

/**
 * Of a job that is to run over a network, before it is known who takes part.
 * @throws NF_SECAGG_NEEDS_EACH, and NF_SECAGG_* of what it says of its sites
 */
export function requireSecureOver(job: JobDefinition): void {
  const { secureAggregation: secure, workflow } = job;
  if (!secure) return;
  requireSums(job);
  // Without a number of sites all that can be said is what holds for any.
  if (workflow.clients === undefined && secure.minSites >= LEAST_SITES) return;
  const { clients = MOST_SITES, clientsPerRound, minClients = clientsPerRound ?? clients } = workflow;
  const sites = Array.from({ length: clients }, (_, at) => `site-${at + 1}`);
  requireSecure({ job, sites, minClients });
}
