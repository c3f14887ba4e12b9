import { cp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { SplitManifest } from '../../../preprocess/split/manifest.ts';
import { prettyJson } from '../../base/digest.ts';
import { requireOwnPlace, writeInside } from '../../base/files/no-links.ts';
import { type SimulateOptions, simulate } from '../../deployment/simulator/simulate.ts';
import { BASELINES_FOLDER as FOLDER } from '../../run/kept-features.ts';
import type { RunCard } from '../../run/run-card.ts';
import { RUN_FILES, type RunFolder } from '../../run/run-folder.ts';
import { describeRuns } from '../../run/stored-runs.ts';
import { POOLED_SITE, poolSplit } from './pooled-split.ts';
import type { Baseline } from './result.ts';

/** One simulation that a baseline needs. */
export interface BaselineRun {
  readonly baseline: Baseline;
  /** Whose test subjects it speaks for: a site, or everybody's. */
  readonly site: string;
  /** Name of its job, and of its folder. */
  readonly name: string;
  readonly sites: readonly string[];
  readonly pooled: boolean;
}

export function planBaselines(baselines: readonly Baseline[], sites: readonly string[]): BaselineRun[] {
  return baselines.flatMap((baseline): BaselineRun[] => {
    if (baseline === 'centralized') {
      return [{ baseline, site: POOLED_SITE, name: baseline, sites: [POOLED_SITE], pooled: true }];
    }
    return sites.map((site) => ({
      baseline,
      site,
      name: `${baseline}-${site}`,
      sites: baseline === 'local' ? [site] : sites.filter((other) => other !== site),
      pooled: false,
    }));
  });
}

/** What a baseline shares with the federated run: everything but its sites and its split. */
export interface BaselineRequest {
  readonly folder: RunFolder;
  readonly card: RunCard;
  readonly split: SplitManifest;
  readonly simulate: Pick<SimulateOptions, 'threads' | 'engine' | 'signal' | 'maxClients'>;
}

const POOLED_SPLIT = 'pooled-split.json';

/** Runs a baseline, or goes on with one that was broken off, or takes the one that is finished. Returns its run folder. */
export async function runBaseline(run: BaselineRun, request: BaselineRequest): Promise<string> {
  const { folder, card, split } = request;
  const workspace = resolve(folder.at(FOLDER));
  for (const own of [join('jobs', run.name), run.name])
    await requireOwnPlace(folder.root, join(FOLDER, own, 'x'));
  const last = (await describeRuns(workspace, run.name)).at(-1);
  if (last?.status === 'finished') return join(workspace, run.name, last.run_id);
  const pooled = join(workspace, POOLED_SPLIT);
  if (run.pooled) await writeInside(folder.root, join(FOLDER, POOLED_SPLIT), prettyJson(poolSplit(split)));
  const job = join(workspace, 'jobs', run.name);
  await writeJob(job, run, { folder, card, split: run.pooled ? pooled : (card.data?.split ?? '') });
  const summary = await simulate({
    ...request.simulate,
    workspace,
    job,
    flags: { siteNames: run.sites },
    overrides: [],
    resume: last?.status === 'interrupted' ? last.run_id : undefined,
    observe: () => undefined,
    onLog: () => undefined,
  });
  return summary.run_folder;
}

/** The job as the federated run had it, whatever flags and later changes of its folder say, with its own sites and split. */
async function writeJob(
  path: string,
  run: BaselineRun,
  { folder, card, split }: { folder: RunFolder; card: RunCard; split: string },
): Promise<void> {
  await cp(folder.at(RUN_FILES.bundle), path, { recursive: true });
  const { n_clients: _all, clients_per_round: _drawn, ...workflow } = card.job.workflow;
  const job = {
    ...card.job,
    name: run.name,
    workflow: {
      ...workflow,
      ...harmonisedAlone(workflow, run),
      min_clients: run.sites.length,
      mandatory_clients: [],
    },
    data: { ...card.job.data, root: card.data?.root, split: resolve(split) },
    model: placed(card),
    ...(run.pooled && { sites: {} }),
  };
  // JSON is YAML.
  await writeInside(path, 'job.yaml', prettyJson(job));
}

/** One site alone has nobody to be compared with: its greys come to lie on its own scale. */
function harmonisedAlone(workflow: Partial<RunCard['job']['workflow']>, { sites }: BaselineRun) {
  const harmonisation = 'harmonisation' in workflow && workflow.harmonisation;
  return harmonisation === 'combat' && sites.length === 1 ? { harmonisation: 'nyul' } : {};
}

/** A path to first values is meant from the folder that the job was read from. */
function placed({ job, job_folder: folder }: RunCard): object {
  const first = 'initial_params' in job.model ? job.model.initial_params : undefined;
  return typeof first === 'string' ? { initial_params: resolve(folder, first) } : job.model;
}
