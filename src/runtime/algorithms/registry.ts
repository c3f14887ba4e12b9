import type { Aggregator, AggregatorName } from './aggregator.ts';
import { weightedMean } from './aggregators/weighted-mean.ts';
import type { Workflow } from './workflow.ts';
import { fedAvg } from './workflows/fedavg.ts';

/** Workflows by the name a job gives in `workflow.type`. */
export const WORKFLOWS: Readonly<Record<'fedavg', Workflow>> = { fedavg: fedAvg };

/** Aggregators by name, so that a workflow can have one run in another thread. */
export const AGGREGATORS: Readonly<Record<AggregatorName, Aggregator>> = { weighted_mean: weightedMean };
