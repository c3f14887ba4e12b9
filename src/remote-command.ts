import { Flags, type Interfaces } from '@oclif/core';
import { BaseCommand } from './command.ts';
import { PROXY_SUMMARY } from './output/flags.ts';
import type { Admin } from './runtime/deployment/admin/admin.ts';

/** What commands share that speak to a server: whose kit they use, and how long they wait for it. */
export abstract class RemoteCommand<Result> extends BaseCommand<Result> {
  static override baseFlags: Interfaces.FlagInput = {
    ...BaseCommand.baseFlags,
    kit: Flags.string({
      aliases: ['kit-id', 'startup-kit'],
      helpGroup: 'SERVER',
      summary: 'id or folder of the startup kit; default: the one in use (`config use`)',
    }),
    'connect-timeout': Flags.integer({
      min: 1,
      default: 5,
      helpGroup: 'SERVER',
      summary: 'seconds to wait for a connection',
    }),
    proxy: Flags.string({ helpGroup: 'SERVER', summary: PROXY_SUMMARY }),
  };

  /** Opens the kit, works with the server, and closes the connection. */
  protected async withAdmin<Answer>(work: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    const { flags } = await this.parse(this.ctor as typeof RemoteCommand);
    const { withAdmin } = await import('./runtime/deployment/admin/admin.ts');
    return withAdmin({ ...remoteOptions(flags), signal: this.signal }, work);
  }
}

/** oclif forgets the types of shared flags. */
function remoteOptions(flags: Readonly<Record<string, unknown>>) {
  const { kit, proxy } = flags;
  return {
    kit: typeof kit === 'string' ? kit : undefined,
    connectSeconds: Number(flags['connect-timeout']),
    proxy: typeof proxy === 'string' ? proxy : undefined,
  };
}
