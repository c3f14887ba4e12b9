import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { renderTable } from '../../output/table.ts';
import { listTemplates } from '../../runtime/job/templates.ts';

const resultSchema = z.array(z.object({ name: z.string(), description: z.string() }));
type Result = z.output<typeof resultSchema>;

export default class JobListTemplates extends BaseCommand<Result> {
  static override summary = 'list the job templates';
  static override hiddenAliases = ['job:list_templates'];
  static override examples = ['<%= config.bin %> job list-templates'];
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    await this.parse(JobListTemplates);
    return listTemplates();
  }

  protected override render(templates: Result): string {
    return renderTable(
      ['template', 'what it is'],
      templates.map(({ name, description }) => [name, description]),
    );
  }
}
