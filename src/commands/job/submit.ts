import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { confirm } from '../../output/confirm.ts';
import { forceFlag, validDaysFlag } from '../../output/remote-args.ts';
import { RemoteCommand } from '../../remote-command.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { shellWord } from '../../runtime/base/text/shell-word.ts';

const resultSchema = z.object({
  job_id: z.string(),
  name: z.string(),
  is_new: z.boolean().describe('false if this token had submitted it before'),
  sites: z.array(z.string()).nullable().describe('null: the server chooses'),
});
type Result = z.output<typeof resultSchema>;

export default class JobSubmit extends RemoteCommand<Result> {
  static override summary = 'submit a job to the server';
  static override description =
    'Checks the job, signs it with the key of the kit and sends it; comes back at once. With --submit-token it may be repeated: the ' +
    'same job is taken once. Before an initial model that lies outside the job folder is sent it asks.';
  static override examples = [
    '<%= config.bin %> job submit jobs/glioma',
    '<%= config.bin %> job submit jobs/glioma --study brain --submit-token nightly-0412',
  ];
  static override args = {
    job: Args.string({ description: 'job folder, or one that nvflare has exported' }),
  };
  static override flags = {
    'job-folder': Flags.string({
      char: 'j',
      summary: 'job folder, as nvflare takes it',
      aliases: ['job_folder'],
      exclusive: [],
    }),
    clients: Flags.string({
      char: 'c',
      summary:
        "sites that take part, separated by commas; default: those of the job's split. A job with workflow.cross_site_evaluation needs them",
    }),
    study: Flags.string({ summary: 'study the job belongs to; default: default' }),
    'valid-days': validDaysFlag,
    force: forceFlag,
    'submit-token': Flags.string({ summary: 'makes a repeated submission the same one' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(JobSubmit);
    const { submitJob } = await import('../../runtime/deployment/admin/submit.ts');
    const progress = this.progress();
    const { withJobFolder } = await import('../../runtime/federation/nvflare/on-the-fly.ts');
    const given = args.job ?? flags['job-folder'] ?? '.';
    const submit = (job: string) =>
      this.withAdmin(async (admin) => {
        const { jobId, isNew, name, sites, warnings } = await submitJob(admin, job, {
          study: flags.study,
          token: flags['submit-token'],
          validDays: flags['valid-days'],
          clients: flags.clients?.split(',').map((site) => site.trim()),
          signal: this.signal,
          onModel: async ({ file, size, isOutside }) => {
            const what = `${file} (${counted(size, 'byte')})`;
            if (isOutside)
              await confirm(
                `Send ${what}, which the job names as its initial model and which lies outside its folder?`,
                flags,
              );
            this.note(`The initial model is sent: ${what}.`);
          },
          onBytes: (done, total) => progress({ what: 'initial model sent', done, total, unit: 'bytes' }),
        });
        for (const warning of warnings) this.note(`warning: ${warning}`);
        return { job_id: jobId, name, is_new: isNew, sites: sites ? [...sites] : null };
      });
    return withJobFolder(given, (note) => this.note(note), submit);
  }

  protected override render({ job_id: id, is_new: isNew }: Result): string {
    const said = isNew ? `Submitted as ${id}.` : `Submitted before with this token: ${id}.`;
    return `${said}\nNext: neuroflare job monitor ${shellWord(id)}`;
  }
}
