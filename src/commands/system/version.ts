import { z } from 'zod';
import { renderTable } from '../../output/table.ts';
import { RemoteCommand } from '../../remote-command.ts';

const resultSchema = z.object({
  here: z.string(),
  server: z.string(),
  protocol: z.int(),
  sites: z.array(z.object({ site: z.string(), version: z.string() })).describe('that are connected'),
});
type Result = z.output<typeof resultSchema>;

export default class SystemVersion extends RemoteCommand<Result> {
  static override summary = 'show the versions of neuroflare here, at the server and at the sites';
  static override examples = ['<%= config.bin %> system version'];
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    await this.parse(SystemVersion);
    const { packageVersion } = await import('../../runtime/base/files/package-version.ts');
    const { server, sites } = await this.withAdmin((admin) => admin.status());
    return {
      here: packageVersion(),
      server: server.version,
      protocol: server.protocol,
      sites: sites.flatMap(({ name, version }) => (version === null ? [] : [{ site: name, version }])),
    };
  }

  protected override render({ here, server, protocol, sites }: Result): string {
    const rows = sites.map(({ site, version }) => [site, version]);
    return renderTable(
      ['who', 'version'],
      [['here', here], ['server', `${server} (protocol ${protocol})`], ...rows],
    );
  }
}
