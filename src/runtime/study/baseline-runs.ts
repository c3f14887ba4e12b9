import { join } from 'node:path';
import type { SplitManifest } from '../../preprocess/split/manifest.ts';
import { describeRuns } from '../federation/stored-runs.ts';
import type { Override } from '../job/variables.ts';
import { prettyJson } from '../kernel/digest.ts';
import { type SimulateOptions, simulate } from '../simulator/simulate.ts';
import { writeFileAtomic } from '../workspace/files.ts';
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

/** What the federated run was started with; a baseline differs in its sites and its split alone. */
export interface BaselineRequest {
  readonly folder: string;
  readonly split: SplitManifest;
  readonly simulate: Omit<SimulateOptions, 'workspace' | 'resume' | 'onOpen' | 'observe' | 'onLog'>;
}

const POOLED_SPLIT = 'pooled-split.json';

/** Runs a baseline, or goes on with one that was broken off, or takes the one that is finished. Returns its run folder. */
export async function runBaseline(run: BaselineRun, request: BaselineRequest): Promise<string> {
  const workspace = join(request.folder, 'baselines');
  const last = (await describeRuns(workspace, run.name)).at(-1);
  if (last?.status === 'finished') return join(workspace, run.name, last.run_id);
  const { overrides, flags } = request.simulate;
  const pooled = join(workspace, POOLED_SPLIT);
  if (run.pooled) await writeFileAtomic(pooled, prettyJson(poolSplit(request.split)));
  const own: Override[] = [
    { name: 'name', value: run.name },
    { name: 'workflow.min_clients', value: run.sites.length },
    { name: 'workflow.mandatory_clients', value: [] },
    ...(run.pooled ? [{ name: 'data.split', value: pooled }] : []),
  ];
  const summary = await simulate({
    ...request.simulate,
    workspace,
    flags: { ...flags, clients: undefined, siteNames: run.sites },
    overrides: [...overrides, ...own],
    resume: last?.status === 'interrupted' ? last.run_id : undefined,
    observe: () => undefined,
    onLog: () => undefined,
  });
  return summary.run_folder;
}
