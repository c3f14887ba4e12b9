import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { confirm } from '../../output/confirm.ts';
import { forceFlag } from '../../output/remote-args.ts';
import { JobCommand } from '../../remote-command.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { timeText } from '../../runtime/base/text/time-text.ts';

const resultSchema = z.object({
  job_id: z.string().nullable().describe('null with --older-than'),
  removed: z.array(z.string()).describe('ids'),
  kept: z.array(z.string()).describe('ids of old jobs that you may not remove'),
});
type Result = z.output<typeof resultSchema>;

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000 };

export default class JobDelete extends JobCommand<Result> {
  static override summary =
    'remove a finished job and its results from the server, or all that ended long ago';
  static override examples = [
    '<%= config.bin %> job delete 3f2a91c0 --force',
    '<%= config.bin %> job delete --older-than 30d',
  ];
  static override args = { job: Args.string({ description: 'id of the job, or its beginning' }) };
  static override flags = {
    'older-than': Flags.string({
      helpValue: 'AGE',
      summary:
        'all jobs that ended longer ago, as 30d (days) or 12h (hours), by the clock of the server; failed and aborted ones, which job resume could go on with, go too',
    }),
    force: forceFlag,
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(JobDelete);
    const age = flags['older-than'];
    if ((args.job === undefined) === (age === undefined))
      throw flError('NF_USAGE', { message: 'Name one job, or give --older-than AGE.' });
    if (age !== undefined) return this.#deleteOld(milliseconds(age), flags);
    const job = args.job ?? '';
    await confirm(`Remove the job ${job} and all its results?`, flags);
    return this.withAdmin(async (admin) => {
      const { job_id: id } = await admin.job(job);
      await admin.delete(id);
      return { job_id: id, removed: [id], kept: [] };
    });
  }

  #deleteOld(age: number, flags: { force: boolean }): Promise<Result> {
    return this.withAdmin(async (admin) => {
      const { removeJobs, jobsEndedBefore } = await import('../../runtime/deployment/admin/old-jobs.ts');
      const { before, jobs } = await jobsEndedBefore(admin, age);
      const about = jobs.map(
        ({ job_id: id, name, ended }) => `${id}  ${name}  ended ${timeText(ended ?? '')}`,
      );
      const question = `Remove ${counted(jobs.length, 'job')} that ended before ${timeText(before)}, and all results?`;
      if (jobs.length > 0) await confirm(question, { ...flags, about });
      return { job_id: null, ...(await removeJobs(admin, jobs)) };
    });
  }

  protected override render({ removed, kept }: Result): string {
    const none = kept.length === 0 ? ['No job ended so long ago.'] : [];
    return [
      ...(removed.length === 0 ? none : removed.map((id) => `Removed ${id}.`)),
      ...kept.map((id) => `You may not remove ${id}.`),
    ].join('\n');
  }
}

function milliseconds(age: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([hd])$/.exec(age) ?? [];
  if (count !== undefined) return Number(count) * (UNITS[unit] ?? 0);
  throw flError('NF_USAGE', { message: `--older-than needs an age like 30d or 12h, not '${age}'.` });
}
