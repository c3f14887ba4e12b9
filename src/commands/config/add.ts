import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../command.ts';
import { shellWord } from '../../runtime/base/text/shell-word.ts';
import { type KitSummary, kitSchema, kitSummary } from '../../runtime/security/summary.ts';

export default class ConfigAdd extends BaseCommand<KitSummary> {
  static override summary = 'remember a startup kit under a short name';
  static override description =
    'The kit is checked first, and the authority it trusts is remembered with it. The first kit is used at once.';
  static override examples = [
    '<%= config.bin %> config add admin kits/example_project/prod_00/admin@example.org',
  ];
  static override args = {
    id: Args.string({ required: true, description: 'short name' }),
    dir: Args.string({ required: true, description: 'folder of the kit' }),
  };
  static override flags = {
    force: Flags.boolean({ summary: 'let the name, if it is taken, name this kit from now on' }),
  };
  static override resultSchema = kitSchema;

  protected override async execute(): Promise<KitSummary> {
    const { args, flags } = await this.parse(ConfigAdd);
    const { addKit } = await import('../../runtime/security/kit-registry.ts');
    const { userConfigPath } = await import('../../runtime/base/files/config-file.ts');
    return kitSummary(await addKit(userConfigPath(), { ...args, force: flags.force }));
  }

  protected override render({ id, name, role, type, active, warnings }: KitSummary): string {
    const next = active ? 'It is in use.' : `Next: neuroflare config use ${shellWord(id ?? '')}`;
    return [`Added ${id}: ${name}, ${role ?? type}. ${next}`, ...warnings].join('\n');
  }
}
