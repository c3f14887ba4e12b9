import { renderStudies } from '../../output/study-text.ts';
import { RemoteCommand } from '../../remote-command.ts';
import { type Study, studyOne } from '../../runtime/network/messages/admin.ts';

export default class StudyList extends RemoteCommand<Study[]> {
  static override summary = 'list the studies you belong to';
  static override examples = ['<%= config.bin %> study list'];
  static override resultSchema = studyOne.array();

  protected override async execute(): Promise<Study[]> {
    await this.parse(StudyList);
    return this.withAdmin((admin) => admin.studies());
  }

  protected override render(studies: Study[]): string {
    return renderStudies(studies);
  }
}
