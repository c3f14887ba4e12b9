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

/** A command on one job of the server. */
export abstract class JobCommand<Result> extends RemoteCommand<Result> {
  static override baseFlags: Interfaces.FlagInput = {
    ...RemoteCommand.baseFlags,
    study: Flags.string({
      helpGroup: 'SERVER',
      summary: 'study that the job is of: one of another study is not found',
    }),
  };

  protected override async withAdmin<Answer>(work: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    const { args, flags } = await this.parse(this.ctor as typeof JobCommand);
    const { job } = args;
    const { study } = flags;
    return super.withAdmin(async (admin) => {
      if (typeof study === 'string' && typeof job === 'string') await requireStudy(admin, job, study);
      return work(admin);
    });
  }
}

async function requireStudy(admin: Admin, job: string, study: string): Promise<void> {
  const found = await admin.job(job);
  if (found.study === study) return;
  const { flError } = await import('./runtime/base/errors/errors.ts');
  throw flError('NF_JOB_UNKNOWN', { job: `${job} in the study '${study}'`, nearest: '' });
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
