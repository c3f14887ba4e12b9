import { Args } from '@oclif/core';
import { BaseCommand } from '../../command.ts';
import { workspaceFlag } from '../../output/flags.ts';
import { renderSummary } from '../../output/run-summary.ts';
import { findTargetRun } from '../../runtime/run/find-target-run.ts';
import { type RunSummary, runSummarySchema } from '../../runtime/run/run-report.ts';
import { describeRunIn } from '../../runtime/run/stored-runs.ts';

export default class RunsShow extends BaseCommand<RunSummary> {
  static override summary = 'show what a run came to';
  static override examples = [
    '<%= config.bin %> runs show glioma',
    '<%= config.bin %> runs show glioma 20261124-101500',
  ];
  static override args = {
    job: Args.string({ required: true, description: 'name of the job, JOB/RUN_ID, or folder of a run' }),
    run: Args.string({ description: 'id of the run; default: the newest' }),
  };
  static override flags = {
    workspace: workspaceFlag,
  };
  static override resultSchema = runSummarySchema;

  protected override async execute(): Promise<RunSummary> {
    const { args, flags } = await this.parse(RunsShow);
    const { folder } = await findTargetRun({ target: args.job, run: args.run, workspace: flags.workspace });
    return describeRunIn(folder);
  }

  protected override render(summary: RunSummary): string {
    return renderSummary(summary);
  }
}
