import { existsSync } from 'node:fs';
import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { shellWord } from '../../runtime/base/text/shell-word.ts';
import { shownPath } from '../../runtime/base/text/shown-path.ts';
import { createJob } from '../../runtime/job/templates.ts';
import { parseOverride } from '../../runtime/job/variables.ts';

const resultSchema = z.object({
  name: z.string(),
  folder: z.string(),
  template: z.string(),
  missing: z.array(z.string()).describe('data that the job names and that is not there yet'),
});
type Result = z.output<typeof resultSchema>;

export default class JobCreate extends BaseCommand<Result> {
  static override summary = 'make a job folder from a template';
  static override examples = [
    '<%= config.bin %> job create jobs/hello --template hello-fedavg-numpy',
    '<%= config.bin %> job create jobs/glioma --template mri-fedavg --set num_rounds=20 --set data=./bids --set split=./split.json',
  ];
  static override args = { folder: Args.string({ description: 'folder to make' }) };
  static override flags = {
    'job-folder': Flags.string({ char: 'j', summary: 'folder to make, as nvflare takes it' }),
    template: Flags.string({
      char: 't',
      charAliases: ['w'],
      required: true,
      summary: 'one of `job list-templates`',
    }),
    set: Flags.string({
      char: 's',
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      summary: 'NAME=VALUE: a variable or a dotted path; may be repeated',
    }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(JobCreate);
    const folder = args.folder ?? flags['job-folder'];
    if (folder === undefined || (args.folder !== undefined && flags['job-folder'] !== undefined))
      throw flError('NF_USAGE', { message: 'Name one folder to make: job create FOLDER --template NAME.' });
    const { definition } = await createJob(folder, {
      template: flags.template,
      overrides: flags.set.map(parseOverride),
    });
    const named = [definition.data?.root, definition.data?.split].filter((path) => path !== undefined);
    const missing = named.filter((path) => !existsSync(path)).map(shownPath);
    return { name: definition.name, folder, template: flags.template, missing };
  }

  protected override render({ folder, template, missing }: Result): string {
    const first =
      missing.length === 0
        ? ''
        : `\nIts data is not there yet: ${missing.join(', ')}. Make it with 'neuroflare preprocess bids' and 'neuroflare preprocess split', or name another with --set data=BIDS_FOLDER --set split=SPLIT_FILE.`;
    return `Created ${folder} from ${template}.${first}\nNext: neuroflare job validate ${shellWord(folder)}; neuroflare simulate ${shellWord(folder)}`;
  }
}
