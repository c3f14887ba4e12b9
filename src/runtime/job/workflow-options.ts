import { z } from 'zod';

const rate = z.number().positive().max(1e6);
const share = z
  .number()
  .min(0)
  .max(1)
  .refine((value) => value < 1, { error: 'must be below 1' });

const SERVER_RATE = rate.default(1).describe("fedopt, fedbuff: the server's learning rate");

/** Keys under `workflow` that one type of workflow alone has, with what they are where the job leaves them out. */
export const WORKFLOW_OPTIONS = {
  fedavg: z.strictObject({}),
  fedprox: z.strictObject({
    proximal_mu: z
      .number()
      .positive()
      .max(1e6)
      .default(0.01)
      .describe('fedprox: weight mu of the pull towards the received model, which the trainer adds'),
  }),
  fedopt: z.strictObject({
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
} as const;

export type WorkflowType = keyof typeof WORKFLOW_OPTIONS;
/** Those of one type, with its defaults. */
export type OptionsOf<Type extends WorkflowType> = z.output<(typeof WORKFLOW_OPTIONS)[Type]>;

export const WORKFLOW_TYPES = Object.keys(WORKFLOW_OPTIONS) as [WorkflowType, ...WorkflowType[]];

const ALL = {
  ...WORKFLOW_OPTIONS.fedavg.shape,
  ...WORKFLOW_OPTIONS.fedprox.shape,
  ...WORKFLOW_OPTIONS.fedopt.shape,
  ...WORKFLOW_OPTIONS.cyclic.shape,
  ...WORKFLOW_OPTIONS.fedbuff.shape,
};

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
  return `${schema.description ?? ''}; default: ${String(schema.def.defaultValue)}`;
}

type Workflow = { readonly type: WorkflowType } & Readonly<Record<string, unknown>>;

/** Keys of every workflow that one has no use for, and why. */
const WITHOUT: Readonly<
  Partial<Record<WorkflowType, { readonly keys: readonly string[]; readonly why: string }>>
> = {
  cyclic: {
    keys: ['min_clients', 'mandatory_clients', 'clients_per_round', 'wait_after_quorum'],
    why: 'all its sites take turns',
  },
  fedbuff: {
    keys: ['mandatory_clients', 'clients_per_round', 'wait_after_quorum'],
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
  if (typeof clients === 'number' && typeof size === 'number' && size > clients)
    return [{ key: 'buffer_size', message: 'is more than n_clients: a site is in the buffer once' }];
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

/** Dotted paths of all of them. */
export const OPTION_PATHS: readonly string[] = Object.keys(ALL).map((key) => `workflow.${key}`);
