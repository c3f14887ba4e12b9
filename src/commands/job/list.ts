import { Flags } from '@oclif/core';
import { z } from 'zod';
import { renderJobs } from '../../output/job-text.ts';
import { RemoteCommand } from '../../remote-command.ts';
import { jobMeta } from '../../runtime/network/messages/admin.ts';

const resultSchema = z.array(jobMeta);
type Result = z.output<typeof resultSchema>;

export default class JobList extends RemoteCommand<Result> {
  static override summary = 'list the jobs of the server, oldest first';
  static override examples = [
    '<%= config.bin %> job list',
    '<%= config.bin %> job list --name glioma --max 5',
  ];
  static override flags = {
    name: Flags.string({ char: 'n', summary: 'part of the name' }),
    id: Flags.string({ char: 'i', summary: 'beginning of the id' }),
    reverse: Flags.boolean({ char: 'r', summary: 'newest first' }),
    max: Flags.integer({ char: 'm', min: 1, summary: 'the newest so many' }),
    study: Flags.string({ summary: 'jobs of one study' }),
    'submit-token': Flags.string({ summary: 'the job that was submitted with this token' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { flags } = await this.parse(JobList);
    const { name, study, 'submit-token': token, id, reverse, max } = flags;
    const jobs = await this.withAdmin((admin) =>
      admin.jobs({
        ...(name !== undefined && { name }),
        ...(study !== undefined && { study }),
        ...(token !== undefined && { token }),
        ...(max !== undefined && { max }),
      }),
    );
    const shown = jobs.filter(({ job_id }) => id === undefined || job_id.startsWith(id));
    return reverse ? shown.reverse() : shown;
  }

  protected override render(jobs: Result): string {
    return jobs.length === 0 ? 'No jobs.' : renderJobs(jobs);
  }
}
