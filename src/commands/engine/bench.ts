import { Flags } from '@oclif/core';
import { BaseCommand } from '../../command.ts';
import { renderTable } from '../../output/table.ts';
import { ENGINE_NAMES } from '../../runtime/job/engine-choice.ts';
import { type BenchReport, benchReportSchema } from '../../runtime/learning/engine/bench/report-schema.ts';

export default class EngineBench extends BaseCommand<BenchReport> {
  static override summary = 'train the reference CNN on each engine and print images per second';
  static override description =
    'One engine after the other, whole training steps with Adam; figures are those of the median step, after two that warm up. ' +
    'The cpu engine, whose step takes minutes, only runs when it is named. Exits with 1 if an engine failed or none was measured.';
  static override examples = [
    '<%= config.bin %> engine bench',
    '<%= config.bin %> engine bench --engine ort --threads 2 --image-size 64 --json',
  ];
  static override flags = {
    engine: Flags.option({
      options: ENGINE_NAMES,
      multiple: true,
      multipleNonGreedy: true,
      summary: 'only this one; may be repeated; default: ort and tensorflow',
    })(),
    seconds: Flags.integer({ default: 5, min: 1, max: 600, summary: 'how long each engine trains' }),
    'image-size': Flags.integer({ default: 128, min: 8, max: 512, summary: 'rows and columns of an image' }),
    'batch-size': Flags.integer({ default: 32, min: 1, max: 1024, summary: 'images in a step' }),
    gpu: Flags.string({ summary: 'measure ort on this GPU too, e.g. 0' }),
    threads: Flags.integer({
      default: 1,
      min: 1,
      max: 256,
      summary: 'threads inside one operation of ort; TensorFlow takes all cores, cpu one',
    }),
  };
  static override resultSchema = benchReportSchema;

  protected override async execute(): Promise<BenchReport> {
    const { flags } = await this.parse(EngineBench);
    const { benchReport } = await import('../../runtime/learning/engine/bench/report.ts');
    return benchReport({
      engines: flags.engine,
      imageSize: flags['image-size'],
      batchSize: flags['batch-size'],
      threads: flags.threads,
      gpu: flags.gpu,
      seconds: flags.seconds,
      signal: this.signal,
      onEngine: (name) => this.note(`training on ${name}`),
    });
  }

  protected override exitCodeOf({ engines }: BenchReport): 0 | 1 {
    const verdicts = engines.map(({ verdict }) => verdict);
    return verdicts.includes('measured') && !verdicts.includes('failed') ? 0 : 1;
  }

  protected override render({ engines, ...where }: BenchReport): string {
    const model = `reference CNN, ${where.image_size}x${where.image_size} pixels, batches of ${where.batch_size}, Adam`;
    const machine = `${where.processor}, ${where.cores} cores, load ${where.load.toFixed(1)} before the bench`;
    const reasons = engines.flatMap(({ name, build, reason }) =>
      reason ? [`${name} (${build}): ${reason}`] : [],
    );
    return [model, machine, '', renderTable(COLUMNS, engines.map(cells)), '', ...reasons]
      .join('\n')
      .trimEnd();
  }
}

const COLUMNS = 'engine|build|images/s|ms a step|steps|compile ms|threads|device|library'.split('|');

function cells(row: BenchReport['engines'][number]): string[] {
  return [
    row.name,
    row.build,
    row.images_per_second?.toFixed(1) ?? row.verdict,
    row.milliseconds_per_step?.toFixed(1) ?? '',
    String(row.steps ?? ''),
    String(row.compile_milliseconds ?? ''),
    String(row.threads ?? ''),
    row.device ?? '',
    row.library ? `${row.library} ${row.version}` : '',
  ];
}
