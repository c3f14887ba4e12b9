import { Args } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';

const resultSchema = z.object({ id: z.string(), path: z.string(), was_active: z.boolean() });
type Result = z.output<typeof resultSchema>;

export default class ConfigRemove extends BaseCommand<Result> {
  static override summary = 'forget the name of a startup kit; its folder stays';
  static override examples = ['<%= config.bin %> config remove admin'];
  static override args = { id: Args.string({ required: true, description: 'name given to `config add`' }) };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args } = await this.parse(ConfigRemove);
    const { removeKit } = await import('../../runtime/security/kit-registry.ts');
    const { userConfigPath } = await import('../../runtime/base/files/config-file.ts');
    const { path, wasActive } = await removeKit(userConfigPath(), args.id);
    return { id: args.id, path, was_active: wasActive };
  }

  protected override render({ id, path, was_active: wasActive }: Result): string {
    const next = wasActive ? ' No kit is in use now: neuroflare config use ID.' : '';
    return `Forgot ${id}; ${path} stays where it is.${next}`;
  }
}
