import { z } from 'zod';
import { siteName } from './site-name.ts';

/** What a timer can count: 24 days in milliseconds are the most that 31 bits hold. */
export const seconds = z.number().max(2_000_000);

const wait = seconds.min(0);

/** Keys under `workflow` that all types have, but for those that have no use for one. */
export const COMMON_OPTIONS = {
  n_clients: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe('sites that take part; default: as many as the split has, else 2'),
  min_clients: z.int().min(1).optional().describe('results a round needs; default: all of n_clients'),
  mandatory_clients: z.array(siteName).default([]).describe('sites without whose result no round is closed'),
  clients_per_round: z
    .int()
    .min(1)
    .optional()
    .describe('results that make a round, from sites drawn anew each time; default: every site'),
  over_selection: z
    .number()
    .min(1)
    .max(10)
    .default(1)
    .describe('sites asked, as a multiple of clients_per_round: the first that many results count'),
  wait_time_after_min_received: wait
    .optional()
    .describe('seconds to wait for the others once min_clients have answered; default: wait for all'),
  wait_after_quorum: wait
    .optional()
    .meta({ deprecated: true })
    .describe('the name of wait_time_after_min_received in version 0.1.0, still read'),
  site_timeout: seconds
    .positive()
    .default(300)
    .describe(
      'seconds a site that is lost, or does not move on, is waited for before the round counts it as failed',
    ),
  num_rounds: z.int().min(1).max(100_000).describe('rounds of training; the final model is scored once more'),
  key_metric: z
    .string()
    .min(1)
    .default('accuracy')
    .describe('chooses the best model; the sites must report it'),
  key_metric_goal: z
    .enum(['maximize', 'minimize'])
    .optional()
    .describe(
      'which direction of key_metric is better; default: minimize where its name is that of a loss or an error, else maximize',
    ),
  max_weight_ratio: z
    .number()
    .min(1)
    .max(1e12)
    .default(100)
    .describe(
      'a site counts at most so many times the median of the other sites, whatever number of examples it gives',
    ),
} as const;

const rate = z.number().positive().max(1e6);
const share = z
  .number()
  .min(0)
  .max(1)
  .refine((value) => value < 1, { error: 'must be below 1' });

const SERVER_RATE = rate.default(1).describe("fedopt, fedbuff, scaffold: the server's learning rate");

const LOCAL = z
  .array(z.string().min(1).max(1000))
  .max(1000)
  .default([])
  .describe(
    'fedavg, fedprox, fedopt: names of arrays that stay at each site and are averaged with none (FedBN, FedPer); `*` stands for any characters',
  );

const CROSS_SITE = z
  .boolean()
  .default(false)
  .describe(
    'fedavg, fedprox, fedopt, fednova, scaffold: whether the last model of each site is scored at all sites in the end; it goes to all of them, which each must allow',
  );

/** Keys under `workflow` that one type of workflow alone has, with what they are where the job leaves them out. */
export const WORKFLOW_OPTIONS = {
  fedavg: z.strictObject({ local_tensors: LOCAL, cross_site_evaluation: CROSS_SITE }),
  fedprox: z.strictObject({
    local_tensors: LOCAL,
    cross_site_evaluation: CROSS_SITE,
    proximal_mu: z
      .number()
      .positive()
      .max(1e6)
      .default(0.01)
      .describe('fedprox: weight mu of the pull towards the received model, which the trainer adds'),
  }),
  fedopt: z.strictObject({
    local_tensors: LOCAL,
    cross_site_evaluation: CROSS_SITE,
    server_optimizer: z
      .enum(['sgd', 'adam', 'adagrad', 'yogi'])
      .default('sgd')
      .describe('fedopt: what steps from the mean of the differences that sites send'),
    server_learning_rate: SERVER_RATE,
    server_momentum: share
      .default(0.9)
      .describe('fedopt: momentum of sgd; of the others the decay of the first moment (beta 1)'),
    server_beta2: share.default(0.99).describe('fedopt: decay of the second moment of adam and yogi'),
    server_tau: rate
      .default(0.001)
      .describe('fedopt: what adam, adagrad and yogi add to the root of the second moment'),
  }),
  cyclic: z.strictObject({}),
  fednova: z.strictObject({ cross_site_evaluation: CROSS_SITE }),
  fedbuff: z.strictObject({
    buffer_size: z
      .int()
      .min(1)
      .max(100_000)
      .default(2)
      .describe('fedbuff: answers from which the server steps'),
    max_staleness: z
      .int()
      .min(0)
      .max(100_000)
      .default(10)
      .describe('fedbuff: steps of the server after which an answer counts for nothing'),
    server_learning_rate: SERVER_RATE,
  }),
  scaffold: z.strictObject({
    cross_site_evaluation: CROSS_SITE,
    scaffold_option: z
      .union([z.literal(1), z.literal(2)])
      .default(2)
      .describe(
        'scaffold: how a site renews what it knows of its own gradient; 1: by the gradient at the received model, which takes one more pass over its data; 2: by the steps that it took',
      ),
    server_learning_rate: SERVER_RATE,
  }),
} as const;

export type WorkflowType = keyof typeof WORKFLOW_OPTIONS;
/** Those of one type, with its defaults. */
export type OptionsOf<Type extends WorkflowType> = z.output<(typeof WORKFLOW_OPTIONS)[Type]>;

export const WORKFLOW_TYPES = Object.keys(WORKFLOW_OPTIONS) as [WorkflowType, ...WorkflowType[]];

type OptionKey = { [Type in WorkflowType]: keyof OptionsOf<Type> }[WorkflowType];

/** Those of all types. */
const ALL: Readonly<Record<OptionKey, z.ZodDefault<z.ZodType>>> = Object.assign(
  {},
  ...Object.values(WORKFLOW_OPTIONS).map(({ shape }) => shape),
);

type Optional<Shape> = { readonly [Key in keyof Shape]: z.ZodOptional<z.ZodType> };

/** All of them for the job file, where each may be left out; its defaults are filled in by type. */
export function optionKeys(): Optional<typeof ALL> {
  const keys = Object.entries(ALL).map(([key, schema]) => [
    key,
    schema.unwrap().optional().describe(textOf(schema)),
  ]);
  return Object.fromEntries(keys) as Optional<typeof ALL>;
}

function textOf(schema: z.ZodDefault): string {
  const value = schema.def.defaultValue;
  const isNone = Array.isArray(value) && value.length === 0;
  return `${schema.description ?? ''}; default: ${isNone ? 'none' : String(value)}`;
}

type Workflow = { readonly type: WorkflowType } & Readonly<Record<string, unknown>>;

/** Today's name, and that of version 0.1.0. */
const WAITS = ['wait_time_after_min_received', 'wait_after_quorum'] as const;

/** Keys of every workflow that one has no use for, and why. */
const WITHOUT: Readonly<
  Partial<Record<WorkflowType, { readonly keys: readonly string[]; readonly why: string }>>
> = {
  cyclic: {
    keys: ['min_clients', 'mandatory_clients', 'clients_per_round', ...WAITS],
    why: 'all its sites take turns',
  },
  fedbuff: {
    keys: ['mandatory_clients', 'clients_per_round', ...WAITS],
    why: 'its server waits for buffer_size answers, whosever they are',
  },
};

/** Keys of a workflow that are those of other types, or contradict it. */
export function optionFaults({
  type,
  ...keys
}: Workflow): { readonly key: string; readonly message: string }[] {
  const own = WORKFLOW_OPTIONS[type].shape;
  const { keys: useless = [], why = '' } = WITHOUT[type] ?? {};
  const { n_clients: clients, buffer_size: size } = keys;
  const [wait, old] = WAITS;
  if (keys[wait] !== undefined && keys[old] !== undefined)
    return [{ key: old, message: `is the old name of ${wait}: give one of them` }];
  if (type === 'fedbuff' && typeof clients === 'number') {
    const { buffer_size: standard } = WORKFLOW_OPTIONS.fedbuff.shape;
    if (Number(size ?? standard.parse(undefined)) > clients)
      return [{ key: 'buffer_size', message: 'is more than n_clients: a site is in the buffer once' }];
    if (clients === 1 && keys.max_staleness === 0)
      return [
        { key: 'max_staleness', message: 'is 0 with one site, of which none is ever stale: take fedavg' },
      ];
  }
  return Object.entries(keys).flatMap(([key, value]) => {
    const isSet = value !== undefined && !(Array.isArray(value) && value.length === 0);
    if (isSet && useless.includes(key)) return [{ key, message: `has no meaning in ${type}: ${why}` }];
    return isSet && key in ALL && !(key in own) ? [{ key, message: `is no option of ${type}` }] : [];
  });
}

/** The options of a workflow, with its defaults. */
export function optionsOf({ type, ...keys }: Workflow): OptionsOf<WorkflowType> {
  const schema = WORKFLOW_OPTIONS[type];
  const own = Object.entries(keys).filter(([key, value]) => key in schema.shape && value !== undefined);
  return schema.parse(Object.fromEntries(own));
}

/** Dotted paths of all that a workflow may have. */
export const OPTION_PATHS: readonly string[] = Object.keys({ ...COMMON_OPTIONS, ...ALL }).map(
  (key) => `workflow.${key}`,
);

/** The path of the same thing under its other name. */
export const OTHER_NAMES: Readonly<Record<string, string>> = {
  [`workflow.${WAITS[0]}`]: `workflow.${WAITS[1]}`,
  [`workflow.${WAITS[1]}`]: `workflow.${WAITS[0]}`,
};

/** What a job says in words of an older version, with today's. */
export function oldNames(workflow: Readonly<Record<string, unknown>>): string[] {
  const [wait, old] = WAITS;
  return workflow[old] === undefined
    ? []
    : [`workflow.${old} is called ${wait} now, as in nvflare; the old name is still read`];
}
