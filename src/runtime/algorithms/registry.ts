import type { z } from 'zod';
import type { Aggregator } from './aggregator.ts';
import type { Reducer } from './reducer.ts';
import { ema } from './reducers/ema.ts';
import { weightedMean } from './reducers/weighted-mean.ts';
import type { DeclaredWorkflow } from './workflow.ts';
import { WORKFLOWS } from './workflows.generated.ts';

/** The name that a job gives in `workflow.type`: that of its file in `workflows`. */
export type WorkflowType = keyof typeof WORKFLOWS;

/** The keys that one type alone has, with its defaults. */
export type OptionsOf<Type extends WorkflowType> = {
  [Each in Type]: z.output<z.ZodObject<(typeof WORKFLOWS)[Each]['options']>>;
}[Type];

export const WORKFLOW_TYPES = Object.keys(WORKFLOWS) as [WorkflowType, ...WorkflowType[]];

const ALL: Readonly<Record<WorkflowType, DeclaredWorkflow>> = WORKFLOWS;

export function workflowOf(type: WorkflowType): DeclaredWorkflow {
  return ALL[type];
}

/** By name, so that a workflow can have one run in another thread. */
const REDUCERS: ReadonlyMap<string, Reducer> = new Map(
  [weightedMean, ema, ...Object.values(ALL).flatMap(({ reducers = [] }) => reducers)].map((reducer) => [
    reducer.name,
    reducer,
  ]),
);

/** @throws of a name that no workflow declares among its `reducers` */
export function reducerOf(name: string): Reducer {
  const reducer = REDUCERS.get(name);
  if (!reducer) throw new Error(`No workflow has a reducer '${name}'.`);
  return reducer;
}

const AGGREGATORS: ReadonlyMap<string, Aggregator> = new Map(
  Object.values(ALL).flatMap(({ aggregators = [] }) => aggregators.map((one) => [one.name, one])),
);

/** @throws of a name that no workflow declares among its `aggregators` */
export function aggregatorOf(name: string): Aggregator {
  const aggregator = AGGREGATORS.get(name);
  if (!aggregator) throw new Error(`No workflow has an aggregator '${name}'.`);
  return aggregator;
}
