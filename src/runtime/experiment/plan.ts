import { z } from 'zod';
import type { OpenExperiment } from './open-experiment.ts';
import { partitionResultSchema, partitionsOf } from './partitions.ts';
import type { PreparedCell } from './prepare-cells.ts';

/** What an experiment will cost. */
export const experimentPlanSchema = z.object({
  name: z.string(),
  runs: z.int(),
  over: z.int().describe('runs that are there already'),
  tasks: z.int().describe('of sites, in the runs that are left: trainings and last scores'),
  bytes: z.number().describe('of models that a federation would carry in these'),
  seconds: z
    .number()
    .nullable()
    .describe('of these, by what a task took in the runs that are over; null before the first is'),
  memory: z
    .number()
    .nullable()
    .describe('bytes that the runs at a time take, by those that are over; null before the first is'),
  memory_free: z.number().describe('bytes that this machine has for them'),
  jobs_at_a_time: z.int(),
  private_runs: z
    .int()
    .describe(
      'runs that each promise something to the same people: their promises add up, and no ledger counts them',
    ),
  partitions: z.array(partitionResultSchema).describe('how unlike the sites are'),
  jobs: z.array(z.object({ job: z.string(), is_over: z.boolean(), sites: z.int(), rounds: z.int() })),
});
export type ExperimentPlan = z.output<typeof experimentPlanSchema>;

/** Adds up what is left of an experiment. @param jobs runs at the same time */
export function planExperiment({ experiment, prepared, known }: OpenExperiment, jobs = 1): ExperimentPlan {
  const over = [...known.values()].filter(({ failure }) => !failure);
  const names = new Set(over.map(({ job }) => job));
  const isOver = ({ cell }: PreparedCell) => names.has(cell.job);
  const left = prepared.filter((one) => !isOver(one));
  const rounds = (of: readonly { rounds: number }[]) => of.reduce((sum, one) => sum + one.rounds + 1, 0);
  const memories = over.flatMap(({ memory }) => memory ?? []);
  const spent = over.reduce((sum, { seconds }) => sum + seconds, 0);
  return {
    name: experiment.definition.name,
    runs: prepared.length,
    over: over.length,
    tasks: left.reduce((sum, { sites, rounds: count }) => sum + sites * (count + 1), 0),
    bytes: left.reduce((sum, one) => sum + bytesOf(one), 0),
    seconds: over.length === 0 ? null : (spent / rounds(over)) * rounds(left),
    memory: memories.length === 0 ? null : Math.max(...memories) * Math.min(jobs, Math.max(1, left.length)),
    memory_free: process.availableMemory(),
    jobs_at_a_time: jobs,
    private_runs: prepared.filter(({ isPrivate }) => isPrivate).length,
    partitions: partitionsOf(prepared.map((one) => ({ ...one, partition: one.cell.partition }))),
    jobs: prepared.map((one) => {
      return { job: one.cell.job, is_over: isOver(one), sites: one.sites, rounds: one.rounds };
    }),
  };
}

/** Of the models of a run: one to each site and an update back a round, and the last one out for its scores. */
export function bytesOf({ modelBytes, updateBytes, sites, rounds }: PreparedCell): number {
  return sites * (modelBytes * (rounds + 1) + updateBytes * rounds);
}
