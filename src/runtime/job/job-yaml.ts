import { Document, visit } from 'yaml';

/** Text of a job.yaml. Lists, matrices of initial parameters say, stand on one line. */
export function jobYaml(job: unknown): string {
  // What a program uses twice is written twice: a reader takes few aliases.
  const document = new Document(job, { aliasDuplicateObjects: false });
  document.commentBefore = ' yaml-language-server: $schema=.neuroflare/job.schema.json';
  visit(document, {
    Seq: (_key, list) => {
      list.flow = true;
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}
