import { z } from 'zod';
import { WORKFLOW_TYPES } from '../algorithms/registry.ts';
import { taskFaults, taskKeys } from '../base/selection/learning-task.ts';
import { jobSelectionSchema } from '../base/selection/selection.ts';
import { FOLDER_NAME, FOLDER_NAME_RULE } from '../base/text/folder-name.ts';
import { argFaults, declaredArgs } from './declared-args.ts';
import { privacyKeys } from './privacy.ts';
import { PYTHON_KEYS, pythonFaults, scriptArgs } from './python.ts';
import { jobResultFilters } from './result-filters.ts';
import { secureAggregationSchema } from './secure-aggregation.ts';
import { siteName } from './site-name.ts';
import {
  COMMON_OPTIONS,
  calledHere,
  optionFaults,
  optionKeys,
  seconds,
  typesText,
} from './workflow-options.ts';

/**
 * The job file, as written: snake_case keys, nothing filled in but what has a default. `definition.ts` maps it to the
 * camelCase form the runtime uses; `schemas/job.schema.json` is generated from here for editors.
 */

const name = z
  .string()
  .regex(FOLDER_NAME, FOLDER_NAME_RULE)
  .describe('name of the job; its runs lie in WORKSPACE/<name>/');

const args = z.record(z.string(), z.json()).describe('what flare.args() returns to the script');

const workflow = z.strictObject({
  type: z.enum(WORKFLOW_TYPES, { error: ({ input }) => calledHere(input) }).describe(typesText()),
  ...COMMON_OPTIONS,
  ...optionKeys(),
});

const executor = z.strictObject({
  type: z
    .enum(['script', 'python'])
    .describe(
      'script: runs train_script, which is TypeScript or JavaScript, at each site (ScriptRunner); python: runs one in Python, which talks to nvflare.client',
    ),
  train_script: z.string().min(1).describe("the client's script, from the folder of job.yaml"),
  framework: z
    .enum(['numpy', 'tfjs', 'pytorch', 'tensorflow', 'raw'])
    .optional()
    .describe(
      'of type python: what the script holds its arrays in (numpy, the default, pytorch, tensorflow; raw: numpy where it is installed, else lists). Of type script it changes nothing, and may be left out: every script gets named typed arrays with shapes. nvflare asks for it',
    ),
  args: args.default({}),
  declared_args: declaredArgs.optional(),
  ...PYTHON_KEYS,
  task_timeout: seconds
    .positive()
    .default(3600)
    .describe(
      'seconds a script has for a task, from its first line on; one that gave no answer by then is ended',
    ),
});

const arrayLiteral = z.strictObject({
  dtype: z.enum(['float64', 'float32', 'int32', 'int16', 'int8', 'uint8']).default('float32'),
  shape: z.array(z.int().min(0)).optional().describe('default: the shape of the nested lists'),
  data: z.union([z.number(), z.array(z.json())]).describe('nested lists, or one number that fills the shape'),
});

const initialParams = z.strictObject({
  initial_params: z
    .union([z.string().min(1), z.record(z.string(), arrayLiteral)])
    .describe(
      'a safetensors file, or arrays by name; a file outside the folder, or of more than 20 MB, travels apart; `job submit` asks before one from outside is sent',
    ),
});

const builtModel = z
  .looseObject({
    type: z.string().min(1).describe('a model of neuroflare/mri, for example mri-cnn'),
    import: z
      .string()
      .min(1)
      .optional()
      .describe(
        'a model that `neuroflare export` wrote, to start from instead of first values from the seed',
      ),
  })
  .refine((model) => !('initial_params' in model), { error: 'has initial_params and type: give one of them' })
  .describe('round 0 is built by the coordinator from the seed of the job');

const dataObject = z.strictObject({
  root: z.string().min(1).describe('BIDS folder; at a site its own folder takes its place'),
  split: z
    .string()
    .min(1)
    .optional()
    .describe('split.json of `neuroflare preprocess split`; a site gets its part'),
  selection: jobSelectionSchema
    .optional()
    .describe(
      'which images of the data set, with which label and group; default: as the split says, else T1w images with the labels in `diagnosis`',
    ),
  ...taskKeys,
});

const data = dataObject.superRefine((keys, context) => {
  for (const { key, message } of taskFaults(keys)) context.addIssue({ code: 'custom', path: [key], message });
});

const resources = z
  .strictObject({
    cpus: z.int().min(1).default(1),
    memory_gb: z.number().min(0).default(0),
    gpus: z.int().min(0).default(0),
  })
  .describe('what the job takes of a site while it runs there')
  .prefault({});

const siteOverride = z.strictObject({ args: args.optional(), script_args: scriptArgs.optional() });

/** Version 1 of the job file. */
export const jobFileSchema = z
  .strictObject({
    version: z.literal(1).describe('version of this format'),
    name,
    description: z.string().optional(),
    workflow,
    executor,
    model: z.union([initialParams, builtModel]),
    data: data.optional(),
    resources,
    seed: z
      .int()
      .min(0)
      .max(4_294_967_295)
      .default(0)
      .describe('every random choice of a run follows from it'),
    task_result_filters: jobResultFilters.describe(
      'what is done to each answer before it leaves a site, in this order; the filters of the site itself come after, and last what packs',
    ),
    privacy: privacyKeys.optional(),
    secure_aggregation: secureAggregationSchema.optional(),
    sites: z.record(siteName, siteOverride).default({}).describe('overrides of one site, by its name'),
  })
  .refine(({ workflow: { min_clients: least, n_clients: all } }) => !least || !all || least <= all, {
    path: ['workflow', 'min_clients'],
    message: 'is more than n_clients',
  })
  .refine(
    ({ workflow: { min_clients: least, clients_per_round: some } }) => !least || !some || least <= some,
    { path: ['workflow', 'min_clients'], message: 'is more than clients_per_round' },
  )
  .refine(({ workflow: { clients_per_round: some, n_clients: all } }) => !some || !all || some <= all, {
    path: ['workflow', 'clients_per_round'],
    message: 'is more than n_clients',
  })
  .superRefine((job, context) => {
    for (const { key, message } of optionFaults(job.workflow))
      context.addIssue({ code: 'custom', path: ['workflow', key], message });
    for (const { path, message } of [...argFaults(job), ...pythonFaults(job)])
      context.addIssue({ code: 'custom', path, message });
  });

export type JobFile = z.output<typeof jobFileSchema>;
export type ArrayLiteral = z.output<typeof arrayLiteral>;

/** For editors: what may be written, with defaults left out. */
export function jobJsonSchema(): object {
  return {
    $id: 'neuroflare-job-1',
    title: 'neuroflare job',
    ...z.toJSONSchema(jobFileSchema, { io: 'input' }),
  };
}
