import { Flags } from '@oclif/core';
import { z } from 'zod';
import { jobArg } from '../../output/remote-args.ts';
import { RemoteCommand } from '../../remote-command.ts';

const resultSchema = z.object({ job_id: z.string(), cloned_from: z.string() });
type Result = z.output<typeof resultSchema>;

export default class JobClone extends RemoteCommand<Result> {
  static override summary = 'submit a job of the server once more, signed as your own';
  static override examples = ['<%= config.bin %> job clone 3f2a91c0'];
  static override args = { job: jobArg };
  static override flags = {
    study: Flags.string({ summary: 'study of the new job; default: that of the old one' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(JobClone);
    const { cloneJob } = await import('../../runtime/admin/submit.ts');
    return this.withAdmin(async (admin) => {
      const options = { study: flags.study, signal: this.signal };
      const { jobId, clonedFrom } = await cloneJob(admin, args.job, options);
      return { job_id: jobId, cloned_from: clonedFrom };
    });
  }

  protected override render({ job_id: id, cloned_from: from }: Result): string {
    return `Submitted ${from} again as ${id}.\nNext: neuroflare job monitor ${id}`;
  }
}
