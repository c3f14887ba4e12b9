import { z } from 'zod';
import { type OptionsOf, WORKFLOW_TYPES, type WorkflowType, workflowOf } from '../algorithms/registry.ts';
import type { OptionFault } from '../algorithms/workflow.ts';
import { WORKFLOWS } from '../algorithms/workflows.generated.ts';
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

type OptionKey = { [Type in WorkflowType]: keyof OptionsOf<Type> }[WorkflowType];

/** Those of all types. */
const ALL: Readonly<Record<OptionKey, z.ZodDefault<z.ZodType>>> = Object.assign(
  {},
  ...WORKFLOW_TYPES.map((type) => workflowOf(type).options),
);

type Optional<Shape> = { readonly [Key in keyof Shape]: z.ZodOptional<z.ZodType> };

/** All of them for the job file, where each may be left out; its defaults are filled in by type. */
export function optionKeys(): Optional<typeof ALL> {
  const keys = Object.entries(ALL).map(([key, schema]) => [
    key,
    schema.unwrap().optional().describe(textOf(key, schema)),
  ]);
  return Object.fromEntries(keys) as Optional<typeof ALL>;
}

function textOf(key: string, schema: z.ZodDefault): string {
  const value = schema.def.defaultValue;
  const isNone = Array.isArray(value) && value.length === 0;
  const types = WORKFLOW_TYPES.filter((type) => key in workflowOf(type).options);
  return `${types.join(', ')}: ${schema.description ?? ''}; default: ${isNone ? 'none' : String(value)}`;
}

/** What the types do, for the job file. */
export function typesText(): string {
  return WORKFLOW_TYPES.map((type) => {
    const { summary, source } = workflowOf(type);
    return `${type}: ${summary} (${source})`;
  }).join('; ');
}

/** Algorithms that are a workflow with some of its options, by the names that papers give them. */
const CALLED_HERE: ReadonlyMap<unknown, string> = new Map([
  ['fedavgm', 'fedopt with server_optimizer: sgd, its default, and server_momentum'],
  ['fedadam', 'fedopt with server_optimizer: adam'],
  ['fedyogi', 'fedopt with server_optimizer: yogi'],
  ['fedadagrad', 'fedopt with server_optimizer: adagrad'],
  [
    'fedbn',
    "fedavg with local_tensors: ['*/gamma', '*/beta'], or what the arrays of batch normalization are called",
  ],
  ['fedper', "fedavg with local_tensors: ['logits/*'], or what the last layers are called"],
]);

/** What a workflow of another name is here; undefined: it is none that is known. */
export function calledHere(type: unknown): string | undefined {
  const name = typeof type === 'string' ? type.toLowerCase().replace(/[^a-z]/g, '') : type;
  const here = CALLED_HERE.get(name);
  return here && `is ${String(type)}: that is ${here}`;
}

type Given = { readonly type: WorkflowType } & Readonly<Record<string, unknown>>;

/** Today's name, and that of version 0.1.0. */
const WAITS = ['wait_time_after_min_received', 'wait_after_quorum'] as const;

/** Keys of a workflow that are those of other types, or contradict it. */
export function optionFaults({ type, ...keys }: Given): readonly OptionFault[] {
  const { options: own, without, faults } = workflowOf(type);
  const [wait, old] = WAITS;
  if (keys[wait] !== undefined && keys[old] !== undefined)
    return [{ key: old, message: `is the old name of ${wait}: give one of them` }];
  const contradictions = faults?.(keys) ?? [];
  if (contradictions.length > 0) return contradictions;
  return Object.entries(keys).flatMap(([key, value]) => {
    const isSet = value !== undefined && !(Array.isArray(value) && value.length === 0);
    const name = key === old ? wait : key;
    if (isSet && without?.keys.some((useless) => useless === name))
      return [{ key, message: `has no meaning in ${type}: ${without.why}` }];
    return isSet && key in ALL && !(key in own) ? [{ key, message: `is no option of ${type}` }] : [];
  });
}

/** The options of a workflow, with its defaults. */
export function optionsOf({ type, ...keys }: Given): OptionsOf<WorkflowType> {
  const { options } = WORKFLOWS[type];
  const own = Object.entries(keys).filter(([key, value]) => key in options && value !== undefined);
  return z.strictObject(options).parse(Object.fromEntries(own));
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
