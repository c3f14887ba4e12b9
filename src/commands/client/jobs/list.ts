import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../../command.ts';
import { siteJobLines } from '../../../output/site-jobs-text.ts';
import { listedJobSchema } from '../../../runtime/deployment/client/memory/job-list.ts';

const resultSchema = z.object({
  jobs: z.array(
    listedJobSchema.extend({
      files: z.array(z.object({ path: z.string(), type: z.string(), size: z.int().describe('bytes') })),
    }),
  ),
  running: z.boolean().describe('whether a client runs'),
  approved: z.array(z.string()).describe('digests of code that was approved here'),
  troubles: z
    .array(z.object({ code: z.string(), message: z.string(), hint: z.string() }))
    .describe('what of the work folder is gone, or is not what it was'),
});
type Result = z.output<typeof resultSchema>;

export default class ClientJobsList extends BaseCommand<Result> {
  static override summary =
    'list the jobs at this site with their files, and the code that waits for approval';
  static override examples = ['<%= config.bin %> client jobs list kits/example_project/prod_00/site-1'];
  static override args = { kit: Args.string({ required: true, description: "folder of the site's kit" }) };
  static override flags = {
    work: Flags.string({ summary: 'work folder of the client; default: work in the kit' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(ClientJobsList);
    const { listSiteJobs } = await import('../../../runtime/deployment/client/site-desk.ts');
    const { jobs, running, approved, troubles } = await listSiteJobs({
      kitDir: args.kit,
      workDir: flags.work,
    });
    return {
      jobs: jobs.map((job) => ({ ...job, files: [...job.files] })),
      running,
      approved: [...approved],
      troubles: troubles.map(({ code, message, hint }) => ({ code, message, hint })),
    };
  }

  protected override render({ jobs, running, troubles }: Result): string {
    const said = troubles.map(({ code, message, hint }) => `${code}: ${message} ${hint}`);
    if (!running) return ['No client of this site runs.', ...said].join('\n');
    if (jobs.length === 0) return ['No jobs.', ...said].join('\n');
    return [...jobs.map((job) => siteJobLines(job).join('\n')), ...said].join('\n\n');
  }
}
