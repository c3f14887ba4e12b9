import { Args } from '@oclif/core';
import { renderStudy } from '../../output/study-text.ts';
import { RemoteCommand } from '../../remote-command.ts';
import { type Study, studyOne } from '../../runtime/network/messages/admin.ts';

export default class StudyClose extends RemoteCommand<Study> {
  static override summary = 'keep a study to its own users';
  static override examples = ['<%= config.bin %> study close brain'];
  static override args = {
    study: Args.string({ required: true, description: 'name of the study' }),
  };
  static override resultSchema = studyOne;

  protected override async execute(): Promise<Study> {
    const { args } = await this.parse(StudyClose);
    return this.withAdmin((admin) => admin.openStudy(args.study, false));
  }

  protected override render(study: Study): string {
    return renderStudy(study);
  }
}
