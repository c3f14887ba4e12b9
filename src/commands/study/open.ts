import { Args } from '@oclif/core';
import { renderStudy } from '../../output/study-text.ts';
import { RemoteCommand } from '../../remote-command.ts';
import { type Study, studyOne } from '../../runtime/network/messages/admin.ts';

export default class StudyOpen extends RemoteCommand<Study> {
  static override summary = 'let everybody in the project into a study, with the role in the certificate';
  static override examples = ['<%= config.bin %> study open brain'];
  static override args = {
    study: Args.string({ required: true, description: 'name of the study' }),
  };
  static override resultSchema = studyOne;

  protected override async execute(): Promise<Study> {
    const { args } = await this.parse(StudyOpen);
    return this.withAdmin((admin) => admin.openStudy(args.study, true));
  }

  protected override render(study: Study): string {
    return renderStudy(study);
  }
}
