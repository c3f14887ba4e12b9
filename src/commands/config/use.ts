import { Args } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';

const resultSchema = z.object({ active: z.string() });
type Result = z.output<typeof resultSchema>;

export default class ConfigUse extends BaseCommand<Result> {
  static override summary = 'choose the startup kit that commands use';
  static override examples = ['<%= config.bin %> config use admin'];
  static override args = { id: Args.string({ required: true, description: 'name given to `config add`' }) };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args } = await this.parse(ConfigUse);
    const { useKit } = await import('../../runtime/security/kit-registry.ts');
    const { userConfigPath } = await import('../../runtime/base/files/config-file.ts');
    await useKit(userConfigPath(), args.id);
    return { active: args.id };
  }

  protected override render({ active }: Result): string {
    return `${active} is in use.`;
  }
}
