import { Args } from '@oclif/core';
import { renderStatus } from '../../output/system-text.ts';
import { RemoteCommand } from '../../remote-command.ts';
import { type SystemStatus, systemStatus } from '../../runtime/network/messages/admin.ts';

export default class SystemStatusCommand extends RemoteCommand<SystemStatus> {
  static override summary = 'show how the server and its sites are';
  static override examples = ['<%= config.bin %> system status', '<%= config.bin %> system status site-1'];
  static override args = { site: Args.string({ description: 'one site; default: all' }) };
  static override resultSchema = systemStatus;

  protected override async execute(): Promise<SystemStatus> {
    const { args } = await this.parse(SystemStatusCommand);
    const { server, sites } = await this.withAdmin((admin) => admin.status());
    if (args.site === undefined || args.site === 'server') return { server, sites };
    const own = sites.filter(({ name }) => name === args.site);
    if (own.length > 0) return { server, sites: own };
    const { flError } = await import('../../runtime/base/errors/errors.ts');
    const { didYouMean } = await import('../../runtime/base/text/nearest.ts');
    const nearest = didYouMean(
      args.site,
      sites.map(({ name }) => name),
    );
    throw flError('NF_SITE_UNKNOWN', { site: args.site, nearest });
  }

  protected override render(status: SystemStatus): string {
    return renderStatus(status);
  }
}
