import { Args } from '@oclif/core';
import { z } from 'zod';
import { namedOf } from '../../output/named-sites.ts';
import { renderTable } from '../../output/table.ts';
import { RemoteCommand } from '../../remote-command.ts';
import { siteResources } from '../../runtime/network/messages/site.ts';

const resultSchema = z.array(z.object({ site: z.string(), resources: siteResources, jobs: z.int() }));
type Result = z.output<typeof resultSchema>;

export default class SystemResources extends RemoteCommand<Result> {
  static override summary = 'show what the connected sites have for jobs';
  static override examples = [
    '<%= config.bin %> system resources',
    '<%= config.bin %> system resources site-1 site-2',
  ];
  static override strict = false;
  static override args = { sites: Args.string({ description: 'names of sites; default: all' }) };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { argv } = await this.parse(SystemResources);
    const { sites } = await this.withAdmin((admin) => admin.status());
    return namedOf(sites, argv.map(String)).flatMap(({ name, resources, jobs }) =>
      resources ? [{ site: name, resources, jobs: jobs.length }] : [],
    );
  }

  protected override render(sites: Result): string {
    if (sites.length === 0) return 'No site is connected.';
    const rows = sites.map(({ site, jobs, resources }) => [
      site,
      `${jobs} of ${resources.jobs}`,
      String(resources.cpus),
      resources.memory_gb.toFixed(1),
      String(resources.gpus),
    ]);
    return renderTable(['site', 'jobs', 'cpus', 'memory GB', 'gpus'], rows);
  }
}
