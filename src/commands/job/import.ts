import { basename, resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { shellWord } from '../../runtime/base/text/shell-word.ts';

const resultSchema = z.object({
  name: z.string(),
  folder: z.string(),
  workflow: z.string(),
  notes: z.array(z.string()).describe('what is another here'),
});
type Result = z.output<typeof resultSchema>;

export default class JobImport extends BaseCommand<Result> {
  static override summary = 'make a job folder of one of nvflare';
  static override description =
    'Takes what `python job.py --export --export-dir DIR` writes. Scripts stay as they are; the workflow becomes the one of the same name here. The first model is made on this machine, where it is one of PyTorch by the Python of NEUROFLARE_PYTHON, else python3. Parts that have no counterpart, filters among them, are refused by name, and nothing is written.';
  static override examples = [
    '<%= config.bin %> job import exported/hello-numpy',
    '<%= config.bin %> job import exported/hello-pt --out jobs/hello-pt',
  ];
  static override args = { folder: Args.string({ required: true, description: 'folder with meta.json' }) };
  static override flags = {
    out: Flags.string({ char: 'o', summary: 'folder to make; default: the name of the folder, here' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(JobImport);
    const { importNvflareJob } = await import('../../runtime/federation/nvflare/import-job.ts');
    const { notes, ...job } = await importNvflareJob(
      args.folder,
      flags.out ?? basename(resolve(args.folder)),
    );
    return { ...job, notes: [...notes] };
  }

  protected override render({ name, folder, workflow, notes }: Result): string {
    return [
      `Made ${folder} of ${name}: workflow ${workflow}.`,
      ...notes.map((note) => `note: ${note}`),
      `Next: neuroflare job validate ${shellWord(folder)}; neuroflare simulate ${shellWord(folder)}`,
    ].join('\n');
  }
}
