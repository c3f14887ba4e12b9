import type { ErrorRow } from './row.ts';

/** Failures of `experiment`. */
export const EXPERIMENT_ERRORS = {
  NF_EXPERIMENT_YAML: {
    exit: 4,
    message: 'The experiment is no YAML that can be read: {reason}',
    hint: 'Correct the line that is named.',
  },
  NF_EXPERIMENT: {
    exit: 4,
    message: 'The experiment does not fit: {faults}.',
    hint: 'Correct the line that is named; docs/experiments.md has the keys.',
  },
  NF_EXPERIMENT_ALIKE: {
    exit: 4,
    message: 'Two runs would be the same: {first} and {second}.',
    hint: 'Give each variant a value that the others do not have, and each list of the grid values that differ.',
  },
  NF_EXPERIMENT_SIZE: {
    exit: 4,
    message: 'The experiment has {runs} runs; at most {most} are made.',
    hint: 'Leave out values of the grid, or make several experiments.',
  },
  NF_EXPERIMENT_DATA: {
    exit: 4,
    message: 'The partitions have no images to deal: the job names no data set.',
    hint: 'Name one under `set`, as `data`, or leave the partitions out.',
  },
  NF_EXPERIMENT_JOB: {
    exit: 4,
    message: 'The run {run} is no job: {fault}',
    hint: "Correct the value that makes it so; 'neuroflare job show-variables' lists the names.",
  },
  NF_EXPERIMENT_PARTITION: {
    exit: 4,
    message: 'The partition {partition} cannot be dealt with seed {seed}: {fault}',
    hint: 'Change its rule in the file of the experiment: fewer sites, a larger alpha, fewer shards.',
  },
  NF_EXPERIMENT_RUN: {
    exit: 1,
    message: 'The run {run} did not come to its end: it is {status}.',
    hint: 'Give the command again: it goes on where it was stopped.',
  },
  NF_EXPERIMENT_BASELINES: {
    exit: 1,
    message: 'The run {run} has no baselines: they are those of {other}, which failed.',
    hint: 'See what is said of that run, mend it and give the command again.',
  },
  NF_EXPERIMENT_FILE: {
    exit: 4,
    message: '{path} is no result of an experiment of this version.',
    hint: 'Move it away; runs that are over are found again.',
  },
} as const satisfies Record<string, ErrorRow>;
