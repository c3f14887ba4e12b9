import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../command.ts';
import { renderBaselines } from '../output/baselines-summary.ts';
import { backendFlags, setFlag, workspaceFlag } from '../output/flags.ts';
import { renderSummary } from '../output/run-summary.ts';
import { createRunView } from '../output/run-view.ts';
import { flError } from '../runtime/base/errors/errors.ts';
import { type SimulationResult, simulationResultSchema } from '../runtime/evaluation/baselines/result.ts';
import { evaluateCommand, reportCommand } from '../runtime/evaluation/report/next-command.ts';
import { ENGINE_CHOICES } from '../runtime/job/engine-choice.ts';
import { parseOverride } from '../runtime/job/variables.ts';

/** Undefined: threads of this process. @throws NF_USAGE, NF_QUEUE_* */
async function backendOf(
  flags: {
    readonly backend: string;
    readonly queue?: string | undefined;
    readonly 'mixed-hardware': boolean;
    readonly 'wait-workers': number;
    readonly threads?: number | undefined;
    readonly gpu?: string | undefined;
    readonly 'require-gpu': boolean;
  },
  { tell, asksForQueue }: { readonly tell: (line: string) => void; readonly asksForQueue: boolean },
) {
  if (flags.backend !== 'queue') {
    if (!asksForQueue) return undefined;
    throw flError('NF_USAGE', { message: '--queue and --mixed-hardware need --backend queue.' });
  }
  if (flags.threads !== undefined || flags.gpu !== undefined || flags['require-gpu'])
    throw flError('NF_USAGE', {
      message:
        'With --backend queue, --threads, --gpu and --require-gpu are said of each worker, at worker start.',
    });
  const { queueBackend } = await import('../runtime/deployment/queue/queue-backend.ts');
  const { queue, 'mixed-hardware': mixedHardware, 'wait-workers': waitWorkers } = flags;
  return queueBackend({ queue, mixedHardware, waitWorkers, tell });
}

export default class Simulate extends BaseCommand<SimulationResult> {
  static override summary = 'run a job on this machine, with as many sites as you like';
  static override description =
    'The same job file, script and round rules as in a real federation; the sites are threads. A run is a folder WORKSPACE/<job>/<run id> and can be resumed after any stop.';
  static override hiddenAliases = ['simulator'];
  static override examples = [
    '<%= config.bin %> simulate jobs/hello',
    '<%= config.bin %> simulate jobs/glioma --workspace work --n-clients 3 --threads 2 --gpu 0',
    '<%= config.bin %> simulate jobs/glioma --resume',
    '<%= config.bin %> simulate jobs/glioma --resume --set num_rounds=40',
    '<%= config.bin %> simulate jobs/glioma --backend queue --queue redis://head:6379',
  ];
  static override args = {
    job: Args.string({ required: true, description: 'job folder, or one that nvflare has exported' }),
  };
  static override flags = {
    workspace: workspaceFlag,
    'n-clients': Flags.integer({
      char: 'n',
      min: 1,
      summary: 'number of sites',
      exclusive: ['clients'],
      aliases: ['n_clients'],
    }),
    clients: Flags.string({ char: 'c', summary: 'names of the sites, separated by commas' }),
    threads: Flags.integer({
      char: 't',
      min: 1,
      summary: 'sites that run at the same time; default: one a core',
    }),
    'intra-op-threads': Flags.integer({
      min: 1,
      max: 256,
      default: 1,
      summary: 'threads inside one operation of a site',
    }),
    gpu: Flags.string({
      summary: 'GPU to use, e.g. 0, or several, e.g. 0,1; without a usable one the CPU is used and said so',
    }),
    'require-gpu': Flags.boolean({ summary: 'stop if no GPU can be used' }),
    'log-config': Flags.option({
      char: 'l',
      aliases: ['log_config'],
      options: ['concise', 'full'] as const,
      default: 'concise',
      summary: 'full also shows what the scripts print',
    })(),
    'max-clients': Flags.integer({
      char: 'm',
      aliases: ['max_clients'],
      min: 1,
      default: 1000,
      summary: 'refuse jobs with more sites',
    }),
    seed: Flags.integer({ min: 0, max: 4_294_967_295, summary: "in place of the job's seed" }),
    data: Flags.string({ summary: "BIDS folder, in place of the job's" }),
    engine: Flags.option({
      options: ENGINE_CHOICES,
      default: 'auto',
      summary: 'what computes',
    })(),
    import: Flags.string({
      summary: 'start from a model that `export` wrote: .onnx, .safetensors, or a tfjs folder',
    }),
    'insecure-noise-seed': Flags.integer({
      min: 0,
      summary: 'for tests of private jobs: noise that follows from this number, which promises nothing',
    }),
    set: setFlag,
    baselines: Flags.string({
      summary: 'then train and compare local, centralized or leave-one-out models (separated by commas)',
    }),
    resume: Flags.boolean({
      summary:
        'go on with the newest run of this job; from a finished one, with more rounds than it had, as a new run',
    }),
    run: Flags.string({ summary: 'with --resume: the id of the run', dependsOn: ['resume'] }),
    ...backendFlags,
  };
  static override resultSchema = simulationResultSchema;

  protected override readonly interruptHint = 'Nothing is lost: run the command again with --resume.';

  /** What is done with such a run. */
  #next = '';
  #warned: ReadonlySet<string> = new Set();

  protected override async execute(): Promise<SimulationResult> {
    const { args, flags } = await this.parse(Simulate);
    const { simulateWithBaselines } = await import(
      '../runtime/evaluation/baselines/simulate-with-baselines.ts'
    );
    const view = createRunView({ quiet: this.quiet, showLogs: flags['log-config'] === 'full' });
    this.#warned = view.warned;
    const onOpen: typeof view.onOpen = (run) => {
      const asked = { target: run.card.job.name, workspace: flags.workspace };
      this.#next = [evaluateCommand(run.card, asked), reportCommand(asked)].filter(Boolean).join('; ');
      view.onOpen(run);
    };
    const { jobFolderOf } = await import('../runtime/federation/nvflare/on-the-fly.ts');
    const job = await jobFolderOf(args.job, {
      workspace: flags.workspace,
      isResumed: flags.resume,
      tell: (note) => this.note(note),
    });
    const backend = await backendOf(flags, {
      tell: (line) => this.note(line),
      // An address in the environment asks for nothing.
      asksForQueue: this.argv.some((word) => /^--(queue|mixed-hardware)(=|$)/.test(word)),
    });
    return simulateWithBaselines({
      job,
      workspace: flags.workspace,
      flags: {
        clients: flags['n-clients'],
        siteNames: flags.clients?.split(',').map((name) => name.trim()),
        seed: flags.seed,
        dataRoot: flags.data,
      },
      overrides: [
        ...flags.set.map(parseOverride),
        ...(flags['insecure-noise-seed'] === undefined
          ? []
          : [{ name: 'privacy.insecure_noise_seed', value: flags['insecure-noise-seed'] }]),
        ...(flags.import === undefined ? [] : [{ name: 'model.import', value: flags.import }]),
      ],
      maxClients: flags['max-clients'],
      threads: flags.threads,
      engine: {
        choice: flags.engine,
        gpu: flags.gpu,
        requireGpu: flags['require-gpu'],
        threads: flags['intra-op-threads'],
      },
      resume: flags.resume ? (flags.run ?? 'latest') : undefined,
      baselines: flags.baselines,
      backend,
      signal: this.signal,
      progress: () => this.progress(),
      ...view,
      onOpen,
    });
  }

  protected override render(result: SimulationResult): string {
    // What was said while it ran is not said again.
    const warnings = result.warnings.filter((warning) => !this.#warned.has(warning));
    const parts = [
      renderSummary({ ...result, warnings }),
      ...(result.baselines ? [renderBaselines(result.baselines)] : []),
    ];
    return `${parts.join('\n\n')}\nNext: ${this.#next}`;
  }
}
