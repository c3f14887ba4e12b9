import { Args } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';

const resultSchema = z.object({ script: z.string(), args: z.array(z.string()) });
type Result = z.output<typeof resultSchema>;

export default class JobRun extends BaseCommand<Result> {
  static override summary = "run a job script of nvflare, with neuroflare in its simulator's place";
  static override description =
    'The script stays as it is: the package nvflare of its Python (NEUROFLARE_PYTHON, else python3) makes the job, and `simulate` runs it. Flags of neuroflare stand before the script; those after it are its own. It runs in its own folder; runs lie in the workspace that it names.';
  static override examples = [
    '<%= config.bin %> job run hello-numpy/job.py',
    '<%= config.bin %> job run hello-pt/job.py --num_rounds 2',
  ];
  static override strict = false;
  static override args = { script: Args.string({ required: true, description: 'job.py' }) };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { argv } = await this.parse(JobRun);
    const [script = '', ...args] = argv.map(String);
    const { runJobScript } = await import('../../runtime/federation/nvflare/run-script.ts');
    const isQuiet = this.outputFormat !== 'txt';
    await runJobScript({ script, args, isQuiet, signal: this.signal });
    return { script, args };
  }

  protected override render(): string {
    return '';
  }
}
