import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../command.ts';
import { renderExperiment } from '../../output/experiment-text.ts';
import { workspaceFlag } from '../../output/flags.ts';
import { type ExperimentResult, experimentResultSchema } from '../../runtime/experiment/result.ts';

export default class ExperimentCompare extends BaseCommand<ExperimentResult> {
  static override summary = 'the table of an experiment as far as it has come';
  static override description =
    'A row for runs that differ in their seed alone. Where the runs were judged on test images, the lead over the first variant is taken ' +
    'over the same images of the same seeds, with an interval in which images of one group count together.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> unlike.yaml',
    '<%= config.bin %> <%= command.id %> unlike.yaml --csv unlike.csv --curves curves.csv --html unlike.html',
  ];
  static override args = { experiment: Args.string({ required: true, description: 'YAML file of it' }) };
  static override flags = {
    workspace: workspaceFlag,
    csv: Flags.string({ summary: 'write the table to this file, too' }),
    curves: Flags.string({
      summary: 'write the curves of all runs to this CSV: value by round, bytes and seconds',
    }),
    html: Flags.string({ summary: 'write a page with table and curves to this file, too' }),
  };
  static override resultSchema = experimentResultSchema;

  protected override async execute(): Promise<ExperimentResult> {
    const { args, flags } = await this.parse(ExperimentCompare);
    const { compareExperiment } = await import('../../runtime/experiment/compare.ts');
    return compareExperiment({ ...args, ...flags });
  }

  protected override render(result: ExperimentResult): string {
    return renderExperiment(result);
  }
}
