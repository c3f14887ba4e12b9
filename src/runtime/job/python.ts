import { z } from 'zod';
import type { WorkflowType } from '../algorithms/registry.ts';
import { scriptArgsOf, wordsOf } from './script-args.ts';

/** Of a job whose script is in Python, under `executor`. */

const FRAMEWORKS = ['numpy', 'pytorch', 'tensorflow', 'raw'] as const;
const DTYPES = ['int64', 'uint64', 'uint32', 'uint16', 'bool', 'float16', 'bfloat16'] as const;

export const scriptArgs = z
  .union([z.string(), z.array(z.string())])
  .refine((given) => typeof given !== 'string' || wordsOf(given) !== undefined, {
    error: 'has a quote without an end',
  })
  .describe(
    `of type python: the script's arguments, as a list, or as a text that is parted as a shell does; \${data} stands for the folder of the site's data, \${site} for its name`,
  );

/** Keys of type python alone. */
export const PYTHON_KEYS = {
  script_args: scriptArgs.optional(),
  launch_once: z
    .boolean()
    .optional()
    .describe(
      'of type python: one process for all tasks of a site (true, the default), or a new one for each: then nothing but the model reaches the next task',
    ),
  processes: z
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe(
      'of type python: so many processes run the script at each site, as ranks of torch.distributed.run; rank 0 talks to the server. Default 1, without that launcher',
    ),
  params_transfer_type: z
    .enum(['FULL', 'DIFF'])
    .optional()
    .describe(
      'of type python: what is sent of a full model: FULL (default), or its difference to the received one',
    ),
  dtypes: z
    .record(z.string().min(1), z.enum(DTYPES))
    .optional()
    .describe(
      'of type python: the type that arrays have in the script where no file of neuroflare has it, by name; `*` stands for any characters. They lie in the model in a wider type (int64 and uint64 in float64, bool in uint8, float16 and bfloat16 in float32)',
    ),
} as const;

const pythonKeys = z.object(PYTHON_KEYS);
type PythonKeys = z.output<typeof pythonKeys>;

/** How a script in Python is run, and what it is given. */
export interface PythonDefinition {
  readonly framework: (typeof FRAMEWORKS)[number];
  readonly scriptArgs: readonly string[];
  readonly launchOnce: boolean;
  /** Ranks of one script; 1: no launcher. */
  readonly processes: number;
  readonly transferType: 'FULL' | 'DIFF';
  /** By patterns of names of arrays. */
  readonly dtypes: Readonly<Record<string, (typeof DTYPES)[number]>>;
}

type GivenExecutor = PythonKeys & { readonly type: string; readonly framework?: string | undefined };

/** Undefined for other types. */
export function pythonOf(executor: GivenExecutor): PythonDefinition | undefined {
  if (executor.type !== 'python') return undefined;
  const framework = FRAMEWORKS.find((name) => name === executor.framework) ?? 'numpy';
  return {
    framework,
    scriptArgs: scriptArgsOf(executor.script_args),
    launchOnce: executor.launch_once ?? true,
    processes: executor.processes ?? 1,
    transferType: executor.params_transfer_type ?? 'FULL',
    dtypes: executor.dtypes ?? {},
  };
}

/** Workflows whose sites need nothing but to train the model: what others ask of the training is done by neuroflare's own trainer. */
const WORKFLOWS: ReadonlySet<WorkflowType> = new Set<WorkflowType>([
  'cyclic',
  'fedavg',
  'fedbuff',
  'fedexp',
  'fedopt',
  'fedprox',
  'scaffold',
]);

interface Given {
  readonly executor: GivenExecutor & {
    readonly train_script: string;
    readonly args: object;
    readonly declared_args?: object | undefined;
  };
  readonly workflow: { readonly type: WorkflowType } & Readonly<Record<string, unknown>>;
  readonly privacy?: object | undefined;
  readonly sites: Readonly<
    Record<string, { readonly args?: object | undefined; readonly script_args?: unknown }>
  >;
}

interface Fault {
  /** From the root of the job file. */
  readonly path: string[];
  readonly message: string;
}

/** What does not go together in a job, by the language of its script. */
export function pythonFaults(job: Given): Fault[] {
  return job.executor.type === 'python' ? faultsOfPython(job) : faultsOfOthers(job);
}

function faultsOfOthers({ executor, sites }: Given): Fault[] {
  if (executor.train_script.endsWith('.py'))
    return [
      { path: ['executor', 'type'], message: 'is script, and train_script is in Python: set it to python' },
    ];
  const keys = Object.keys(PYTHON_KEYS).filter(
    (key) => executor[key as keyof typeof PYTHON_KEYS] !== undefined,
  );
  const own = Object.keys(sites).filter((site) => sites[site]?.script_args !== undefined);
  const message = 'is for scripts in Python (executor.type: python)';
  const framework = executor.framework;
  return [
    ...keys.map((key) => ({ path: ['executor', key], message })),
    ...own.map((site) => ({ path: ['sites', site, 'script_args'], message })),
    ...(framework !== undefined && framework !== 'numpy' && framework !== 'tfjs'
      ? [{ path: ['executor', 'framework'], message }]
      : []),
  ];
}

function faultsOfPython({ executor, workflow, privacy, sites }: Given): Fault[] {
  const faults: Fault[] = [];
  const refuse = (path: string[], message: string) => faults.push({ path, message });
  if (!executor.train_script.endsWith('.py')) refuse(['executor', 'train_script'], 'must be a file .py');
  if (executor.framework === 'tfjs')
    refuse(['executor', 'framework'], `must be one of ${FRAMEWORKS.join(', ')} for a script in Python`);
  const instead =
    'goes to scripts in TypeScript: give script_args, which a script in Python finds in sys.argv';
  if (Object.keys(executor.args).length > 0) refuse(['executor', 'args'], instead);
  if (executor.declared_args !== undefined) refuse(['executor', 'declared_args'], instead);
  for (const [site, own] of Object.entries(sites))
    if (own.args !== undefined) refuse(['sites', site, 'args'], instead);
  if (!WORKFLOWS.has(workflow.type))
    refuse(
      ['workflow', 'type'],
      `asks more of the training than a script in Python can be told; with one it is one of ${[...WORKFLOWS].join(', ')}`,
    );
  if (workflow.type === 'scaffold' && executor.launch_once === false)
    refuse(
      ['executor', 'launch_once'],
      'must be true with the workflow scaffold: the script keeps the control variate of its site in memory',
    );
  for (const [key, usual] of Object.entries(TRAINER_OPTIONS)) {
    const given = workflow[key];
    if (given !== undefined && JSON.stringify(given) !== JSON.stringify(usual))
      refuse(['workflow', key], "needs neuroflare's own trainer, which a script in Python does not use");
  }
  if (privacy) refuse(['privacy'], "needs neuroflare's own trainer, which a script in Python does not use");
  return faults;
}

/** Of `workflow`, with the value that asks for nothing. */
const TRAINER_OPTIONS: Readonly<Record<string, unknown>> = {
  local_tensors: [],
  harmonisation: 'none',
  final_evaluation: false,
  personalize_rounds: 0,
  train_alone: false,
  scaffold_option: 2,
};
