import { Args } from '@oclif/core';
import { z } from 'zod';
import { confirm } from '../../output/confirm.ts';
import { forceFlag } from '../../output/remote-args.ts';
import { RemoteCommand } from '../../remote-command.ts';

const resultSchema = z.object({ study: z.string() });
type Result = z.output<typeof resultSchema>;

export default class StudyRemove extends RemoteCommand<Result> {
  static override summary = 'remove a study; its jobs stay';
  static override examples = ['<%= config.bin %> study remove brain --force'];
  static override args = { study: Args.string({ required: true, description: 'name of the study' }) };
  static override flags = { force: forceFlag };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(StudyRemove);
    await confirm(`Remove the study ${args.study}?`, flags);
    return this.withAdmin(async (admin) => {
      await admin.removeStudy(args.study);
      return { study: args.study };
    });
  }

  protected override render({ study }: Result): string {
    return `Removed ${study}.`;
  }
}
