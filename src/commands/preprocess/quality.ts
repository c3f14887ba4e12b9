import { availableParallelism } from 'node:os';
import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../command.ts';
import { type QualityAnswer, qualityAnswer, qualityAnswerSchema } from '../../output/quality-answer.ts';
import { renderQuality } from '../../output/quality-summary.ts';
import { imageFlags, selectionOptions } from '../../output/selection-flags.ts';

export default class PreprocessQuality extends BaseCommand<QualityAnswer> {
  static override summary = 'measure how good the images of a BIDS data set are';
  static override description =
    'Signal to noise, contrast, bias field, ghosts, blur and, of series, temporal signal to noise and motion, by the definitions of MRIQC; ' +
    'what stands out at its site; a contact sheet, worst first. Exits with 1 if an image fails a condition of --fail-on or cannot be read, or if a condition can be told of no image.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ./bids',
    '<%= config.bin %> <%= command.id %> ./bids --out ./bids-quality --fail-on "snr<8,efc>0.7"',
    '<%= config.bin %> <%= command.id %> ./bids --suffix bold --sheet ./quality.html',
  ];
  static override args = {
    bids: Args.string({ required: true, description: 'BIDS data set' }),
  };
  static override flags = {
    ...imageFlags,
    out: Flags.string({
      summary: 'folder to make, a BIDS derivative: table, contact sheet, temporal SNR maps of series',
    }),
    sheet: Flags.string({ summary: 'contact sheet to write, one HTML file' }),
    'fail-on': Flags.string({ summary: 'conditions that an image must not meet, as snr<8,efc>0.7' }),
    jobs: Flags.integer({
      char: 'j',
      default: Math.min(4, availableParallelism()),
      defaultHelp: async () => 'number of processors, at most 4',
      min: 1,
      max: 64,
      summary: 'threads; each holds one image',
    }),
  };
  static override resultSchema = qualityAnswerSchema;

  protected override async execute(): Promise<QualityAnswer> {
    const { args, flags } = await this.parse(PreprocessQuality);
    const { parseGate } = await import('../../preprocess/quality/gate.ts');
    const { measureQualityOf } = await import('../../preprocess/quality/run-quality.ts');
    const gate = flags['fail-on'] === undefined ? [] : parseGate(flags['fail-on']);
    const result = await measureQualityOf({
      source: args.bids,
      select: selectionOptions(flags),
      out: flags.out,
      sheet: flags.sheet,
      gate,
      jobs: flags.jobs,
      signal: this.signal,
      progress: this.progress(),
    });
    return qualityAnswer(result);
  }

  protected override exitCodeOf({ failed, bad, undecided }: QualityAnswer): 0 | 1 {
    return failed.length + bad.length > 0 || undecided.some(({ all }) => all) ? 1 : 0;
  }

  protected override render(answer: QualityAnswer): string {
    return renderQuality(answer);
  }
}
