import { Args } from '@oclif/core';
import { renderStudy } from '../../output/study-text.ts';
import { RemoteCommand } from '../../remote-command.ts';
import { type Study, studyOne } from '../../runtime/network/messages/admin.ts';

export default class StudyShow extends RemoteCommand<Study> {
  static override summary = 'show a study: its sites and users';
  static override examples = ['<%= config.bin %> study show brain'];
  static override args = {
    study: Args.string({ required: true, description: 'name of the study' }),
  };
  static override resultSchema = studyOne;

  protected override async execute(): Promise<Study> {
    const { args } = await this.parse(StudyShow);
    return this.withAdmin((admin) => admin.study(args.study));
  }

  protected override render(study: Study): string {
    return renderStudy(study);
  }
}
