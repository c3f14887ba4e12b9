import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../../command.ts';
import { confirm } from '../../../output/confirm.ts';
import { siteJobLines } from '../../../output/site-jobs-text.ts';
import { flError } from '../../../runtime/base/errors/errors.ts';

const resultSchema = z.object({ code_sha256: z.string(), is_new: z.boolean() });
type Result = z.output<typeof resultSchema>;

export default class ClientJobsApprove extends BaseCommand<Result> {
  static override summary = 'let the code of a job run at this site, now and whenever it comes again';
  static override description =
    'Shows the jobs that have the code, who submitted them and their files, and asks. The approval is for the scripts, not for the values in ' +
    'job.yaml. A client that runs goes on with the job within a second. `client jobs revoke` takes an approval back.';
  static override examples = [
    '<%= config.bin %> client jobs approve kits/example_project/prod_00/site-1 3f2a91c04d5e6f70',
    '<%= config.bin %> client jobs approve kits/example_project/prod_00/site-1 --job 0b6f0b1e-5a5e-4b8e-9d9a-3d7a2f1c4e5b --yes',
  ];
  static override args = {
    kit: Args.string({ required: true, description: "folder of the site's kit" }),
    code: Args.string({ description: 'digest of the code, whole or its first 16 digits at least' }),
  };
  static override flags = {
    job: Flags.string({ summary: 'whole id of a job at this site, in place of the digest of its code' }),
    yes: Flags.boolean({ char: 'y', summary: 'do not ask' }),
    work: Flags.string({ summary: 'work folder of the client; default: work in the kit' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(ClientJobsApprove);
    if ((args.code === undefined) === (flags.job === undefined))
      throw flError('NF_USAGE', { message: 'Give the digest of the code, or a job with --job.' });
    const { approve, codeToApprove } = await import('../../../runtime/deployment/client/site-desk.ts');
    const place = { kitDir: args.kit, workDir: flags.work };
    const { code, jobs } = await codeToApprove(place, { code: args.code, job: flags.job });
    const lines =
      jobs.length > 0 ? jobs.flatMap(siteJobLines) : [`No job at this site has the code ${code} yet.`];
    for (const line of lines) this.note(line);
    // A person is shown what is approved, with --quiet, too.
    const about = this.quiet ? lines : [];
    await confirm(`Let the code ${code} run here?`, { force: flags.yes, flag: '--yes', about });
    return { code_sha256: code, is_new: await approve(place, code) };
  }

  protected override render({ code_sha256: code, is_new: isNew }: Result): string {
    return isNew ? `The code ${code} may run here.` : `The code ${code} was approved before.`;
  }
}
