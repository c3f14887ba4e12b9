import { availableParallelism } from 'node:os';
import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { renderExperiment, renderPlan } from '../../output/experiment-text.ts';
import { workspaceFlag } from '../../output/flags.ts';
import { commandOn } from '../../runtime/evaluation/report/next-command.ts';
import { experimentPlanSchema, planExperiment } from '../../runtime/experiment/plan.ts';
import { experimentResultSchema } from '../../runtime/experiment/result.ts';
import { ENGINE_CHOICES } from '../../runtime/job/engine-choice.ts';

const resultSchema = z.object({
  plan: experimentPlanSchema.describe('before the first run'),
  result: experimentResultSchema.nullable().describe('null with --dry-run'),
});
type Result = z.output<typeof resultSchema>;

export default class ExperimentRun extends BaseCommand<Result> {
  static override summary = 'simulate a grid of algorithms, partitions, values and seeds, and compare them';
  static override description =
    'Every run is checked before the first one starts. A run that is there is not made again, and one that was stopped goes on; a run that ' +
    'fails does not end the others. Runs lie in the workspace as those of `simulate` do, so `runs`, `evaluate` and `report` find them.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> unlike.yaml --dry-run',
    '<%= config.bin %> <%= command.id %> unlike.yaml --workspace work --jobs 2',
  ];
  static override args = { experiment: Args.string({ required: true, description: 'YAML file of it' }) };
  static override flags = {
    workspace: workspaceFlag,
    jobs: Flags.integer({
      char: 'j',
      min: 1,
      max: 64,
      default: 1,
      summary: 'runs at the same time; they come to the same, and take as much more memory',
    }),
    threads: Flags.integer({
      char: 't',
      min: 1,
      max: 64,
      summary: 'sites of a run that train at the same time; default: the cores that --jobs leave each run',
    }),
    'max-clients': Flags.integer({
      char: 'm',
      min: 1,
      default: 1000,
      summary: 'refuse jobs with more sites',
    }),
    engine: Flags.option({ options: ENGINE_CHOICES, default: 'auto', summary: 'what computes' })(),
    'dry-run': Flags.boolean({ summary: 'check every run and say what they cost, and start none' }),
  };
  static override resultSchema = resultSchema;

  protected override readonly interruptHint = 'Nothing is lost: run the command again.';
  #asked = { target: '', workspace: '' };

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(ExperimentRun);
    const { workspace, engine, jobs } = flags;
    this.#asked = { target: args.experiment, workspace };
    const { openExperiment } = await import('../../runtime/experiment/open-experiment.ts');
    const open = await openExperiment({ experiment: args.experiment, workspace, engine });
    const plan = planExperiment(open, jobs);
    if (flags['dry-run']) return { plan, result: null };
    for (const line of renderPlan(plan).split('\n')) this.note(line);
    const { runExperiment } = await import('../../runtime/experiment/run-experiment.ts');
    await runExperiment(open, {
      workspace,
      engine: { choice: engine, gpu: undefined, requireGpu: false, threads: 1 },
      jobs,
      threads: flags.threads ?? Math.max(1, Math.floor(availableParallelism() / jobs)),
      maxClients: flags['max-clients'],
      signal: this.signal,
      progress: this.progress(),
      onNote: (text) => this.note(text),
    });
    const { describeExperiment } = await import('../../runtime/experiment/table.ts');
    return { plan, result: await describeExperiment(open.experiment, workspace) };
  }

  /** Some runs failed, so the question that the experiment asks is not answered whole. */
  protected override exitCodeOf({ result }: Result): 0 | 1 {
    return result !== null && result.failed > 0 ? 1 : 0;
  }

  protected override render({ plan, result }: Result): string {
    if (result === null) return `${renderPlan(plan)}\nNext: ${commandOn('experiment run', this.#asked)}`;
    const next = commandOn('experiment compare', this.#asked);
    return `${renderExperiment(result)}\nNext: ${next} --html experiment.html`;
  }
}
