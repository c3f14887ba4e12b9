import { Args } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { workspaceFlag } from '../../output/flags.ts';
import { renderTable } from '../../output/table.ts';
import { describeRuns, runLineSchema } from '../../runtime/run/stored-runs.ts';

const resultSchema = z.array(runLineSchema);
type Result = z.output<typeof resultSchema>;

export default class RunsList extends BaseCommand<Result> {
  static override summary = 'list the runs of a workspace';
  static override examples = [
    '<%= config.bin %> runs list --workspace work',
    '<%= config.bin %> runs list glioma',
  ];
  static override args = { job: Args.string({ description: 'name of a job; default: all' }) };
  static override flags = {
    workspace: workspaceFlag,
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(RunsList);
    return describeRuns(flags.workspace, args.job);
  }

  protected override render(runs: Result): string {
    if (runs.length === 0) return 'No runs.';
    const hasParents = runs.some(({ parent }) => parent !== undefined);
    const rows = runs.map(
      ({ job, run_id: id, status, rounds, num_rounds: all, sites, metric, best, parent }) => [
        job,
        id,
        status,
        rounds === null ? '-' : `${rounds} of ${all}`,
        String(sites ?? '-'),
        best === null ? '-' : `${metric} ${best.toFixed(3)}`,
        ...(hasParents ? [parent ?? ''] : []),
      ],
    );
    return renderTable(
      ['job', 'run', 'status', 'rounds', 'sites', 'best model', ...(hasParents ? ['goes on from'] : [])],
      rows,
    );
  }
}
