import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { renderTable } from '../../output/table.ts';
import { kitRow, kitSchema, kitSummary } from '../../runtime/security/summary.ts';

const resultSchema = z.array(kitSchema);
type Result = z.output<typeof resultSchema>;

export default class ConfigList extends BaseCommand<Result> {
  static override summary = 'list the startup kits, whose they are and when they end';
  static override examples = ['<%= config.bin %> config list'];
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    await this.parse(ConfigList);
    const { listKits } = await import('../../runtime/security/kit-registry.ts');
    const { userConfigPath } = await import('../../runtime/base/files/config-file.ts');
    return (await listKits(userConfigPath())).map(kitSummary);
  }

  protected override render(kits: Result): string {
    if (kits.length === 0) return "No startup kits yet; 'neuroflare config add ID DIR' adds one.";
    const table = renderTable(['', 'id', 'name', 'role', 'project', 'expires', 'state'], kits.map(kitRow));
    const details = kits.flatMap(({ id, faults, warnings }) => {
      return [...faults.map(({ message }) => message), ...warnings].map((text) => `${id}: ${text}`);
    });
    return [table, ...details].join('\n');
  }
}
