import { workflowOf } from '../algorithms/registry.ts';
import { atPlace, flError } from '../base/errors/errors.ts';
import { compareSites } from '../base/site-order.ts';
import { counted } from '../base/text/counted.ts';
import { FOLDER_NAME } from '../base/text/folder-name.ts';
import { didYouMean } from '../base/text/nearest.ts';
import type { JobDefinition, ScriptArgs } from './definition.ts';
import { requireSecure } from './secure-rounds.ts';

/** What the command line adds to a job. */
export interface RunFlags {
  readonly clients?: number | undefined;
  readonly siteNames?: readonly string[] | undefined;
  readonly seed?: number | undefined;
  /** Absolute. */
  readonly dataRoot?: string | undefined;
}

/** Who takes part and with what: a job with its flags and its split brought together. */
export interface RunPlan {
  readonly job: JobDefinition;
  /** Sorted; every site takes part from the first round. */
  readonly sites: readonly string[];
  readonly minClients: number;
}

const MANDATORY = 'workflow.mandatory_clients';
/** nvflare's default for a simulation without a number. */
const DEFAULT_CLIENTS = 2;

/**
 * A flag wins over the job, the job over the split. With a split every site needs its part, so a number other than
 * the split's is refused; `-c` may name some of its sites.
 */
export function planRun(job: JobDefinition, flags: RunFlags, splitSites?: readonly string[]): RunPlan {
  checkNames(flags.siteNames ?? []);
  const sites = [...(flags.siteNames ?? numberedSites(job, flags, splitSites))].sort(compareSites);
  const unknown = splitSites && sites.find((site) => !splitSites.includes(site));
  if (unknown) throw strangerError('--clients', unknown, splitSites);
  for (const site of Object.keys(job.siteArgs)) {
    if (!sites.includes(site) && !splitSites?.includes(site))
      throw atPlace(strangerError('job.yaml', site, sites), { key: `sites.${site}` });
  }
  for (const site of job.workflow.mandatory) {
    if (!sites.includes(site)) throw atPlace(strangerError(MANDATORY, site, sites), { key: MANDATORY });
  }
  const { minClients = job.workflow.clientsPerRound ?? sites.length } = job.workflow;
  if (Math.max(minClients, job.workflow.clientsPerRound ?? 0) > sites.length)
    throw countsError(job, flags, splitSites);
  requireEnough(job.workflow, minClients);
  requireSecure({ job, sites, minClients });
  const { dataRoot: root } = flags;
  const { split, selection, task } = job.data ?? {};
  const data = root === undefined ? job.data : { split, selection, task, root };
  return { job: { ...job, data, seed: flags.seed ?? job.seed }, sites, minClients };
}

/** @throws NF_JOB_TOO_FEW_SITES where a round may close with fewer answers than its workflow can use */
export function requireEnough({ type, options }: JobDefinition['workflow'], minClients: number): void {
  const least = workflowOf(type).leastAnswers?.(options) ?? 1;
  if (minClients >= least) return;
  const params = { type, least, clients: counted(minClients, 'answer') };
  throw flError('NF_JOB_TOO_FEW_SITES', params, { place: { key: 'workflow.type' } });
}

/** The job's arguments with those of one site over them. */
export function argsOfSite(job: JobDefinition, site: string): ScriptArgs {
  return { ...job.executor.args, ...job.siteArgs[site] };
}

function numberedSites(
  job: JobDefinition,
  flags: RunFlags,
  splitSites?: readonly string[],
): readonly string[] {
  const count = flags.clients ?? job.workflow.clients ?? splitSites?.length ?? DEFAULT_CLIENTS;
  if (splitSites) {
    if (splitSites.length !== count) throw countsError(job, flags, splitSites);
    return splitSites;
  }
  return Array.from({ length: count }, (_, index) => `site-${index + 1}`);
}

/** Names from the command line; they become folders. */
function checkNames(names: readonly string[]): void {
  for (const [index, site] of names.entries()) {
    if (!FOLDER_NAME.test(site))
      throw flError('NF_JOB_SITE_NAME', { site, reason: 'it has other characters or none' });
    if (names.indexOf(site) !== index)
      throw flError('NF_JOB_SITE_NAME', { site, reason: 'it is given twice' });
  }
}

function countsError(job: JobDefinition, flags: RunFlags, splitSites?: readonly string[]) {
  const flag = flags.clients ?? flags.siteNames?.length;
  const params = {
    flag: flag ?? 'none',
    job: `n_clients ${job.workflow.clients ?? 'none'}, min_clients ${job.workflow.minClients ?? 'none'}`,
    split: splitSites?.length ?? 'none',
  };
  // A flag goes before the job's own number, which is then not what is wrong.
  return flError('NF_JOB_COUNTS', params, flag === undefined ? { place: { key: 'workflow.n_clients' } } : {});
}

function strangerError(where: string, site: string, sites: readonly string[]) {
  const shown = sites.length > 8 ? `${sites.slice(0, 8).join(', ')}, …` : sites.join(', ');
  return flError('NF_JOB_SITES', { where, site, sites: shown, nearest: didYouMean(site, sites) });
}
