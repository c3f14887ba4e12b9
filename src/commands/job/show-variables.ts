import { Args } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { renderTable } from '../../output/table.ts';
import { loadJob } from '../../runtime/job/load.ts';
import { listVariables } from '../../runtime/job/variables.ts';

const resultSchema = z.array(z.object({ name: z.string(), path: z.string(), value: z.json() }));
type Result = z.output<typeof resultSchema>;

export default class JobShowVariables extends BaseCommand<Result> {
  static override summary = 'list what --set can change in a job';
  static override hiddenAliases = ['job:show_variables'];
  static override examples = ['<%= config.bin %> job show-variables jobs/glioma'];
  static override args = { job: Args.string({ required: true, description: 'job folder' }) };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args } = await this.parse(JobShowVariables);
    const { source } = await loadJob(args.job);
    return listVariables(source.value).map(({ name, path, value }) => ({ name, path, value }));
  }

  protected override render(variables: Result): string {
    return renderTable(
      ['variable', 'value', 'path'],
      variables.map(({ name, path, value }) => [name, JSON.stringify(value), path]),
    );
  }
}
