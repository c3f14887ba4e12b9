import { availableParallelism } from 'node:os';
import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../command.ts';
import { renderCheck } from '../../output/check-summary.ts';
import { slicesFlag } from '../../output/flags.ts';
import { selectionFlags, selectionOptions } from '../../output/selection-flags.ts';
import { type CheckResult, checkResultSchema } from '../../runtime/evaluation/data-check/check-schema.ts';

export default class PreprocessCheck extends BaseCommand<CheckResult> {
  static override summary = 'find what is wrong with data before a job uses them';
  static override description =
    'Reads every image of a BIDS data set (or of class folders) and reports faults, copies, leaks of a split, class counts, how ' +
    'sites differ, and what shortcuts reach: whether size, frame, outline or grey levels alone tell the classes apart. ' +
    'Exits with 1 if there is a finding of the severity given by --fail-on, or a graver one.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ./bids',
    '<%= config.bin %> <%= command.id %> ./bids --split ./split.json --sheet ./sheet.png --fail-on warning',
    '<%= config.bin %> <%= command.id %> ./kaggle/Training --json',
  ];
  static override args = {
    data: Args.string({ required: true, description: 'BIDS data set, or folder of class folders' }),
  };
  static override flags = {
    ...selectionFlags,
    exclude: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      summary: 'of class folders: folder or file to leave out, as for preprocess bids; repeat for several',
    }),
    split: Flags.string({ summary: 'split.json to hold the data against' }),
    'fail-on': Flags.option({
      options: ['error', 'warning', 'never'] as const,
      default: 'error',
      summary: 'least severity that makes the exit code 1',
    })(),
    controls: Flags.boolean({ default: true, allowNo: true, summary: 'run the shortcut controls' }),
    links: Flags.string({
      summary: 'table to write: pairs of participants that a split should not part, for split --links',
    }),
    sheet: Flags.string({ summary: 'PNG to draw: pictures of each class as a network sees them' }),
    slices: slicesFlag,
    seed: Flags.integer({ min: 0, default: 0, summary: 'seed of folds and controls' }),
    jobs: Flags.integer({ char: 'j', min: 1, max: 64, summary: 'threads (default: one a core)' }),
  };
  static override resultSchema = checkResultSchema;
  #failOn: 'error' | 'warning' | 'never' = 'error';

  protected override async execute(): Promise<CheckResult> {
    const { args, flags } = await this.parse(PreprocessCheck);
    this.#failOn = flags['fail-on'];
    const { checkData } = await import('../../runtime/evaluation/data-check/check-data.ts');
    return checkData({
      target: args.data,
      split: flags.split,
      select: selectionOptions(flags),
      exclude: flags.exclude,
      controls: flags.controls,
      links: flags.links,
      sheet: flags.sheet,
      slices: flags.slices,
      seed: flags.seed,
      jobs: flags.jobs ?? availableParallelism(),
      progress: this.progress(),
      signal: this.signal,
    });
  }

  protected override exitCodeOf({ counts }: CheckResult): 0 | 1 {
    const grave = this.#failOn === 'warning' ? counts.error + counts.warning : counts.error;
    return this.#failOn !== 'never' && grave > 0 ? 1 : 0;
  }

  protected override render(result: CheckResult): string {
    return renderCheck(result);
  }
}
