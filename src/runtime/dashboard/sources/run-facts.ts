import type { RunCard } from '../../run/run-card.ts';
import { promiseOf } from '../../run/run-privacy.ts';

type Fact = readonly [name: string, value: string];

/** What a run was started with, as its card has it. */
export function runFacts({
  job,
  data,
  engine,
  software,
  sites,
  min_clients: least,
  ...card
}: RunCard): Fact[] {
  const { workflow } = job;
  const privacy = promiseOf(job);
  return [
    ['Workflow', workflow.type],
    ['Sites', `${sites.length}, at least ${least} a round`],
    ['Model', modelText(job.model)],
    ...optional('Data', data?.root),
    ...optional('Split', data?.split),
    ['Key metric', workflow.key_metric],
    ['Seed', String(job.seed)],
    ['Engine', engine],
    ['Script', job.executor.train_script],
    ...Object.entries(job.executor.args).map(
      ([name, value]): Fact => [`args.${name}`, JSON.stringify(value)],
    ),
    ...(privacy
      ? [['Privacy', privacy.epsilon === null ? (privacy.reason ?? 'none') : privacyText(privacy)] as const]
      : []),
    ['Job folder', card.job_folder],
    ['Files (SHA-256)', card.bundle_sha256],
    [
      'Software',
      Object.entries(software)
        .map((pair) => pair.join(' '))
        .join(', '),
    ],
  ];
}

function optional(name: string, value: string | null | undefined): Fact[] {
  return value === null || value === undefined ? [] : [[name, value]];
}

function modelText(model: RunCard['job']['model']): string {
  if (!('type' in model)) return 'of the script';
  const { type, ...rest } = model;
  const options = Object.entries(rest).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return [type, ...options].join(', ');
}

function privacyText({
  epsilon,
  delta,
  unit,
}: {
  epsilon: number | null;
  delta: number;
  unit: string;
}): string {
  return `epsilon ${epsilon?.toPrecision(3)} at delta ${delta}, for each ${unit} of a site`;
}
