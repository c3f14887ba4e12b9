import { Document, visit } from 'yaml';

/** Text of a job.yaml. Lists, matrices of initial parameters say, stand on one line. */
export function jobYaml(job: unknown): string {
  const document = new Document(job);
  document.commentBefore = ' yaml-language-server: $schema=.neuroflare/job.schema.json';
  visit(document, {
    Seq: (_key, list) => {
      list.flow = true;
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}
