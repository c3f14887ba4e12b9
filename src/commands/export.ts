import { Args, Errors, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../command.ts';
import { workspaceFlag } from '../output/flags.ts';

const FORMATS = ['onnx', 'tfjs', 'safetensors'] as const;

const resultSchema = z.object({
  format: z.enum(FORMATS),
  source: z.string().describe('the parameters that were exported'),
  files: z.array(z.string()),
  notes: z.array(z.string()).describe('what a reader of the files must know'),
});
type Result = z.output<typeof resultSchema>;

export default class Export extends BaseCommand<Result> {
  static override summary = 'write a trained model for other runtimes';
  static override description =
    "onnx: a file for any ONNX runtime. tfjs: a folder for tf.loadLayersModel. safetensors: PyTorch's names and axis order. " +
    'Each can be read again with `simulate --import`. docs/engine.md shows how to load them.';
  static override examples = [
    '<%= config.bin %> export glioma --format onnx --out glioma.onnx',
    '<%= config.bin %> export glioma 20261124-101500 --model best --format safetensors',
    '<%= config.bin %> export jobs/glioma --params model.safetensors --format tfjs',
  ];
  static override args = {
    job: Args.string({
      required: true,
      description: 'name of the job, JOB/RUN_ID, or folder of a run; with --params folder of the job',
    }),
    run: Args.string({ description: 'id of the run; default: the newest' }),
  };
  static override flags = {
    workspace: workspaceFlag,
    format: Flags.option({ options: FORMATS, required: true, summary: 'what to write' })(),
    model: Flags.string({
      default: 'final',
      parse: parseModel,
      summary: 'final, best, or the number of a model that the run keeps: 0 is the initial one',
    }),
    params: Flags.string({
      summary: "safetensors file with parameters of the job's model, in place of a run's",
    }),
    out: Flags.string({
      char: 'o',
      summary: 'file to write, or folder for tfjs; default: named after the job',
    }),
    force: Flags.boolean({ summary: 'write over what is there' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(Export);
    const { exportRun } = await import('../runtime/evaluation/export-run.ts');
    const { files, notes, source } = await exportRun({ ...flags, ...args, format: flags.format });
    return { format: flags.format, source, files: [...files], notes: [...notes] };
  }

  protected override render({ source, files, notes }: Result): string {
    return [`${source} written to`, ...files.map((file) => `  ${file}`), '', ...notes].join('\n');
  }
}

/** @throws a usage error, as oclif's own parsers do */
async function parseModel(text: string): Promise<string> {
  if (/^(final|best|\d+)$/.test(text)) return text;
  throw new Errors.CLIError(`Expected --model=${text} to be final, best, or the number of a round`);
}
