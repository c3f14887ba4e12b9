import type { GroupMark, GroupRule } from '../groups/find-groups.ts';
import type { Examination, ExaminationSource } from './examination.ts';
import type { Facts } from './facts.ts';
import type { Processing } from './picture-file.ts';

/** One examination that could be read. */
export interface ReadExamination {
  /** `sub-0001` */
  readonly id: string;
  readonly source: Examination;
  /** SHA-256 of its first file. */
  readonly sourceSha256: string;
  readonly facts: Facts;
}

/** One participant of the data set to be: a row of participants.tsv. */
export interface Entry extends ReadExamination {
  readonly mark: GroupMark;
}

/** What all rows have in common. */
export interface TableContext {
  readonly kind: ExaminationSource['kind'];
  readonly rule: GroupRule;
  readonly processing: Processing;
  readonly labels: readonly string[];
  /** Participant by the key of its examination. */
  readonly idOf: ReadonlyMap<string, string>;
}
