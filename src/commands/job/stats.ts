import { jobArg } from '../../output/remote-args.ts';
import { sizeText } from '../../output/size-text.ts';
import { renderTable } from '../../output/table.ts';
import { JobCommand } from '../../remote-command.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { type JobStats, jobStats } from '../../runtime/network/messages/admin.ts';

export default class JobStatsCommand extends JobCommand<JobStats> {
  static override summary = 'show what a job has moved since the server started, or until it was over';
  static override examples = ['<%= config.bin %> job stats 3f2a91c0'];
  static override args = { job: jobArg };
  static override resultSchema = jobStats;

  protected override async execute(): Promise<JobStats> {
    const { args } = await this.parse(JobStatsCommand);
    return this.withAdmin((admin) => admin.stats(args.job));
  }

  protected override render({
    sites,
    rounds_closed: rounds,
    aggregation_seconds: seconds,
  }: JobStats): string {
    const rows = sites.map((site) => [
      site.site,
      site.phase ?? '',
      String(site.round ?? ''),
      String(site.results),
      site.seconds.toFixed(1),
      sizeText(site.bytes_in),
      sizeText(site.bytes_out),
    ]);
    return [
      renderTable(['site', 'phase', 'round', 'results', 'seconds', 'received', 'sent'], rows),
      `${counted(rounds, 'round')} closed; ${seconds.toFixed(1)} s of aggregation`,
    ].join('\n');
  }
}
