import { Flags } from '@oclif/core';
import { jobArg } from '../../output/remote-args.ts';
import { JobCommand } from '../../remote-command.ts';
import { type LogEntries, logEntries } from '../../runtime/network/messages/admin.ts';

export default class JobLogs extends JobCommand<LogEntries> {
  static override summary = "show a job's log: the server's, and those of sites that let theirs out";
  static override description =
    'What scripts print stays at the site unless its policy says send_logs: true. Sites without lines are named with the reason.';
  static override examples = [
    '<%= config.bin %> job logs 3f2a91c0',
    '<%= config.bin %> job logs 3f2a91c0 --site site-1 --tail 50',
    '<%= config.bin %> job logs 3f2a91c0 --since 2026-11-24T10:00:00Z',
  ];
  static override args = { job: jobArg };
  static override flags = {
    site: Flags.string({
      default: 'all',
      aliases: ['sites'],
      summary: 'server, all, or the name of a site',
    }),
    tail: Flags.integer({ min: 1, max: 100_000, default: 500, summary: 'the newest so many lines' }),
    since: Flags.string({ summary: 'lines from this time on, ISO 8601' }),
  };
  static override resultSchema = logEntries;

  protected override async execute(): Promise<LogEntries> {
    const { args, flags } = await this.parse(JobLogs);
    const since = flags.since === undefined ? undefined : await readTime(flags.since);
    return this.withAdmin((admin) =>
      admin.logs(args.job, {
        site: flags.site,
        tail: flags.tail,
        ...(since !== undefined && { since }),
      }),
    );
  }

  protected override render({ lines, missing, cut }: LogEntries): string {
    return [
      ...(cut ? ['(older lines are left out, for the size of the answer)'] : []),
      ...lines.map((line) => `${line.time} ${line.site}${siteClock(line)} ${line.level}: ${line.text}`),
      ...missing.map(({ site, reason }) => `(no lines of ${site}: ${reason})`),
    ].join('\n');
  }
}

/** ` (12:04:31.022Z there)`: when a site says that it happened, with the day where that is another. */
function siteClock({ time, site_time: own }: LogEntries['lines'][number]): string {
  if (own === undefined) return '';
  return ` (${own.slice(0, 10) === time.slice(0, 10) ? own.slice(11) : own} there)`;
}

async function readTime(text: string): Promise<string> {
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  const { flError } = await import('../../runtime/base/errors/errors.ts');
  throw flError('NF_USAGE', { message: `--since needs a time like 2026-11-24T10:00:00Z, not '${text}'.` });
}
