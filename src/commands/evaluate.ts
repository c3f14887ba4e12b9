import { availableParallelism } from 'node:os';
import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../command.ts';
import { renderEvaluation } from '../output/evaluation-summary.ts';
import { engineFlag, mirrorFlag, modelFlags, slicesFlag } from '../output/flags.ts';
import { reportCommand } from '../runtime/evaluation/report/next-command.ts';
import { evaluationSchema } from '../runtime/evaluation/result.ts';

const resultSchema = z.object({
  folder: z.string().describe('holds evaluation.json, predictions.tsv and overlays'),
  evaluation: evaluationSchema,
});
type Result = z.output<typeof resultSchema>;

export default class Evaluate extends BaseCommand<Result> {
  static override summary = 'judge a model on images it has not seen, beside what shortcuts reach on them';
  static override description =
    'TARGET is a job with runs, JOB/RUN_ID, the folder of a run, or a .safetensors file. All figures have intervals in ' +
    'which images of one group count as far as they tell of different patients; the controls (image size, frame, outline, histogram, nearest neighbour, kernel machine, random ' +
    'forest) learn from the same training images and are tested on the same test images.';
  static override examples = [
    '<%= config.bin %> evaluate glioma --workspace work',
    '<%= config.bin %> evaluate work/glioma/latest --data ./bids --split ./split.json --out ./judged',
    '<%= config.bin %> evaluate model.safetensors --job jobs/glioma --data ./other-bids',
  ];
  static override args = { target: Args.string({ required: true, description: 'run or model' }) };
  static override flags = {
    ...modelFlags,
    data: Flags.string({ summary: 'BIDS folder (default: that of the run)' }),
    split: Flags.string({ summary: 'split of the data (default: that of the run)' }),
    federated: Flags.boolean({
      summary:
        'by what the sites of the run told of their own test images (workflow evaluation, final_evaluation)',
      exclusive: ['data', 'split'],
    }),
    part: Flags.option({
      options: ['test', 'validation'] as const,
      default: 'test',
      summary: 'part of the split to judge on',
    })(),
    controls: Flags.boolean({ default: true, allowNo: true, summary: 'train and test the controls' }),
    cases: Flags.integer({ min: 0, max: 500, default: 12, summary: 'worst predictions to draw' }),
    slices: slicesFlag,
    mirror: mirrorFlag,
    seed: Flags.integer({ min: 0, default: 0, summary: 'seed of resampling and the controls' }),
    replicates: Flags.integer({
      min: 100,
      max: 100_000,
      default: 2000,
      summary: 'draws for the intervals of losses and of the calibration error (of which at most 400)',
    }),
    jobs: Flags.integer({ char: 'j', min: 1, max: 64, summary: 'threads (default: one a core)' }),
    out: Flags.string({ summary: 'folder to write (default: evaluation, beside the model)' }),
    ...engineFlag,
  };
  static override resultSchema = resultSchema;

  #asked = { target: '', workspace: '' };

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(Evaluate);
    const { evaluateModel } = await import('../runtime/evaluation/evaluate.ts');
    const jobs = flags.jobs ?? availableParallelism();
    this.#asked = { target: args.target, workspace: flags.workspace };
    return evaluateModel({
      target: args.target,
      workspace: flags.workspace,
      which: flags.model,
      job: flags.job,
      data: flags.data,
      split: flags.split,
      federated: flags.federated,
      part: flags.part,
      out: flags.out,
      controls: flags.controls,
      cases: flags.cases,
      slices: flags.slices,
      mirror: flags.mirror,
      seed: flags.seed,
      replicates: flags.replicates,
      jobs,
      engine: { choice: flags.engine, gpu: flags.gpu, threads: jobs },
      progress: this.progress(),
      signal: this.signal,
    });
  }

  protected override render(result: Result): string {
    const next = result.evaluation.model.run_id === null ? '' : `\nNext: ${reportCommand(this.#asked)}`;
    return `${renderEvaluation(result)}${next}`;
  }
}
