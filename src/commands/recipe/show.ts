import { Args } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { renderTable } from '../../output/table.ts';
import { shellWord } from '../../runtime/base/text/shell-word.ts';
import { describeTemplate } from '../../runtime/job/templates.ts';

const resultSchema = z.object({
  name: z.string(),
  description: z.string(),
  workflow: z.string(),
  framework: z.string(),
  files: z.array(z.string()),
  variables: z.array(z.object({ name: z.string(), path: z.string(), value: z.json() })),
});
type Result = z.output<typeof resultSchema>;

export default class RecipeShow extends BaseCommand<Result> {
  static override summary = 'show a job template: its files, and what --set can change in it';
  static override examples = ['<%= config.bin %> recipe show mri-fedavg'];
  static override args = { recipe: Args.string({ required: true, description: 'name of the template' }) };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args } = await this.parse(RecipeShow);
    const { files, variables, ...about } = await describeTemplate(args.recipe);
    return {
      ...about,
      files: [...files],
      variables: variables.map(({ name, path, value }) => ({ name, path, value })),
    };
  }

  protected override render({ name, description, workflow, framework, files, variables }: Result): string {
    return [
      `${name}: ${description}`,
      `workflow ${workflow}, framework ${framework}; ${files.join(', ')}`,
      renderTable(
        ['variable', 'value', 'path'],
        variables.map((variable) => [variable.name, JSON.stringify(variable.value), variable.path]),
      ),
      `Next: neuroflare job create JOB --template ${shellWord(name)}`,
    ].join('\n');
  }
}
