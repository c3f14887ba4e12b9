import { Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { renderTable } from '../../output/table.ts';
import { describeTemplate, listTemplates } from '../../runtime/job/templates.ts';

const resultSchema = z.array(
  z.object({ name: z.string(), description: z.string(), workflow: z.string(), framework: z.string() }),
);
type Result = z.output<typeof resultSchema>;

export default class RecipeList extends BaseCommand<Result> {
  static override summary = 'list the job templates with their workflow and framework';
  static override examples = [
    '<%= config.bin %> recipe list',
    '<%= config.bin %> recipe list --framework tfjs --filter segmentation',
  ];
  static override flags = {
    framework: Flags.string({ summary: 'of one framework' }),
    filter: Flags.string({ summary: 'with this text in name, workflow or description' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { flags } = await this.parse(RecipeList);
    const wanted = flags.filter?.toLowerCase() ?? '';
    const templates = await Promise.all((await listTemplates()).map(({ name }) => describeTemplate(name)));
    return templates
      .map(({ name, description, workflow, framework }) => ({ name, description, workflow, framework }))
      .filter(({ framework }) => flags.framework === undefined || framework === flags.framework)
      .filter(({ name, description, workflow }) =>
        [name, description, workflow].some((text) => text.toLowerCase().includes(wanted)),
      );
  }

  protected override render(recipes: Result): string {
    if (recipes.length === 0) return 'No template is like that.';
    return renderTable(
      ['recipe', 'workflow', 'framework', 'what it is'],
      recipes.map(({ name, workflow, framework, description }) => [name, workflow, framework, description]),
    );
  }
}
