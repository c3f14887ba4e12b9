import { Args } from '@oclif/core';
import { BaseCommand } from '../../command.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { type KitSummary, kitSchema, kitSummary } from '../../runtime/security/summary.ts';

export default class ConfigInspect extends BaseCommand<KitSummary> {
  static override summary = 'check a startup kit: whose it is, when it ends, and whether a file was changed';
  static override description =
    'Ends with 1 if the kit has a fault, and names the file and the command that mends it.';
  static override examples = [
    '<%= config.bin %> config inspect',
    '<%= config.bin %> config inspect kits/example_project/prod_00/site-1',
  ];
  static override args = {
    kit: Args.string({ description: 'a name, or the folder of a kit (default: the kit in use)' }),
  };
  static override resultSchema = kitSchema;

  protected override async execute(): Promise<KitSummary> {
    const { args } = await this.parse(ConfigInspect);
    const { inspectKit } = await import('../../runtime/security/kit-registry.ts');
    const { userConfigPath } = await import('../../runtime/base/files/config-file.ts');
    return kitSummary(await inspectKit(userConfigPath(), args.kit));
  }

  protected override exitCodeOf({ faults }: KitSummary): 0 | 1 {
    return faults.length > 0 ? 1 : 0;
  }

  protected override render(kit: KitSummary): string {
    const rows = [
      ['kit', `${kit.path}${kit.active ? ' (in use)' : ''}`],
      ['project', kit.project],
      ['name', kit.name],
      ['role', kit.role ?? kit.type],
      ['org', kit.org],
      ['server', kit.server],
      ['expires', kit.expires && `${kit.expires.slice(0, 10)} (${counted(kit.days_left ?? 0, 'day')})`],
      ['authority', kit.root_fingerprint],
      ['files', kit.faults.length === 0 ? 'as they were signed' : 'faulty'],
    ];
    const lines = rows.flatMap(([label, value]) => (value ? [`${label?.padEnd(10)}${value}`] : []));
    const faults = kit.faults.map(({ message, mend }) => `Fault: ${message}\n  mend: ${mend}`);
    return [...lines, ...faults, ...kit.warnings.map((text) => `Warning: ${text}`)].join('\n');
  }
}
