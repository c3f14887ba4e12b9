import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';

const resultSchema = z.object({
  installed: z.boolean().describe('false if there was nothing to do'),
  library: z.string().describe('package that loads the native library'),
  version: z.string().describe('of the package'),
  tensorflow: z.string().describe('version of the native library'),
  device: z.enum(['cpu', 'gpu']).describe('what it computes on here'),
  folder: z.string().describe('where the package lies'),
});
type Result = z.output<typeof resultSchema>;

export default class EngineInstall extends BaseCommand<Result> {
  static override summary = "bring an engine's native library to this machine";
  static override description =
    "Downloads TensorFlow's native library with the install script of @tensorflow/tfjs-node-gpu, where npm has not done so. With --from-python " +
    "the package's sources are built against the TensorFlow of a Python installation instead (Linux; needs g++, make and Python 3). " +
    'Only a library that was seen to load is put in place. NEUROFLARE_TENSORFLOW_DIR names another folder with the package, for this command and for every run.';
  static override examples = [
    '<%= config.bin %> engine install tensorflow',
    '<%= config.bin %> engine install tensorflow --from-python venv/lib/python3.12/site-packages',
  ];
  static override args = {
    engine: Args.string({ required: true, options: ['tensorflow'], description: 'engine to install' }),
  };
  static override flags = {
    'from-python': Flags.string({
      helpValue: 'SITE_PACKAGES',
      summary: "folder with Python's tensorflow in it (pip install tensorflow-cpu); it must stay there",
    }),
    force: Flags.boolean({ summary: 'install also where there is a library that loads' }),
  };
  static override resultSchema = resultSchema;

  protected override readonly interruptHint = 'Nothing was changed: run the command again.';

  protected override async execute(): Promise<Result> {
    const { flags } = await this.parse(EngineInstall);
    const { installTensorflow } = await import('../../runtime/learning/engine/install/install-tensorflow.ts');
    return installTensorflow({
      fromPython: flags['from-python'],
      force: flags.force,
      signal: this.signal,
      tell: (line) => this.note(line),
    });
  }

  protected override render({ installed, library, version, tensorflow, device }: Result): string {
    const what = `TensorFlow ${tensorflow} loads through ${library} ${version}`;
    const where = device === 'gpu' ? 'and sees a GPU' : 'and computes on the CPU, where ort is faster';
    return installed
      ? `${what} ${where}.\nTry it: neuroflare engine doctor`
      : `Nothing to do: ${what} ${where}. Install it again with --force.`;
  }
}
