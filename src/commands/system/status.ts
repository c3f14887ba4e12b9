import { Args } from '@oclif/core';
import { namedOf } from '../../output/named-sites.ts';
import { renderStatus } from '../../output/system-text.ts';
import { RemoteCommand } from '../../remote-command.ts';
import { type SystemStatus, systemStatus } from '../../runtime/network/messages/admin.ts';

export default class SystemStatusCommand extends RemoteCommand<SystemStatus> {
  static override summary = 'show how the server and its sites are';
  static override examples = ['<%= config.bin %> system status', '<%= config.bin %> system status site-1'];
  static override strict = false;
  static override args = { sites: Args.string({ description: 'names of sites; default: all' }) };
  static override resultSchema = systemStatus;

  protected override async execute(): Promise<SystemStatus> {
    const { argv } = await this.parse(SystemStatusCommand);
    const { server, sites } = await this.withAdmin((admin) => admin.status());
    return { server, sites: namedOf(sites, argv.map(String)) };
  }

  protected override render(status: SystemStatus): string {
    return renderStatus(status);
  }
}
