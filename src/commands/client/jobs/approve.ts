import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../../command.ts';

const resultSchema = z.object({ code_sha256: z.string(), is_new: z.boolean() });
type Result = z.output<typeof resultSchema>;

export default class ClientJobsApprove extends BaseCommand<Result> {
  static override summary = 'let the code of a job run at this site, now and whenever it comes again';
  static override description =
    'The approval is for the scripts, not for the values in job.yaml. A client that runs goes on with the job within a second.';
  static override examples = [
    '<%= config.bin %> client jobs approve kits/example_project/prod_00/site-1 3f2a91c0',
  ];
  static override args = {
    kit: Args.string({ required: true, description: "folder of the site's kit" }),
    code: Args.string({
      required: true,
      description: 'digest of the code, or a job that has it; a beginning will do',
    }),
  };
  static override flags = {
    work: Flags.string({ summary: 'work folder of the client; default: work in the kit' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(ClientJobsApprove);
    const { approve } = await import('../../../runtime/client/at-site.ts');
    const { code, isNew } = await approve({ kitDir: args.kit, workDir: flags.work }, args.code);
    return { code_sha256: code, is_new: isNew };
  }

  protected override render({ code_sha256: code, is_new: isNew }: Result): string {
    return isNew ? `The code ${code} may run here.` : `The code ${code} was approved before.`;
  }
}
