import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../../command.ts';
import { confirm } from '../../../output/confirm.ts';

const resultSchema = z.object({
  job_id: z.string(),
  is_new: z.boolean().describe('false if it was stopped before'),
});
type Result = z.output<typeof resultSchema>;

export default class ClientJobsStop extends BaseCommand<Result> {
  static override summary = 'end a job at this site, for good';
  static override description =
    'A client that runs ends the job within a second, another when it starts. The server is told the reason, and counts the site by the rule of ' +
    'the round. The code stays approved: `client jobs revoke` takes that back.';
  static override examples = [
    '<%= config.bin %> client jobs stop kits/example_project/prod_00/site-1 0b6f0b1e-5a5e-4b8e-9d9a-3d7a2f1c4e5b --reason "maintenance"',
  ];
  static override args = {
    kit: Args.string({ required: true, description: "folder of the site's kit" }),
    job: Args.string({ required: true, description: 'whole id of the job' }),
  };
  static override flags = {
    reason: Flags.string({ default: 'no reason given', summary: 'what the server is told' }),
    yes: Flags.boolean({ char: 'y', summary: 'do not ask' }),
    work: Flags.string({ summary: 'work folder of the client; default: work in the kit' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(ClientJobsStop);
    const { stop } = await import('../../../runtime/deployment/client/site-desk.ts');
    await confirm(`End the job ${args.job} at this site?`, { force: flags.yes, flag: '--yes' });
    const place = { kitDir: args.kit, workDir: flags.work };
    return { job_id: args.job, is_new: await stop(place, args.job, flags.reason.slice(0, 500)) };
  }

  protected override render({ job_id: job, is_new: isNew }: Result): string {
    return isNew ? `The job ${job} does not run here any more.` : `The job ${job} was stopped before.`;
  }
}
