import type { z } from 'zod';
import type { submission } from '../../../network/messages/admin.ts';

/** A submission without its files. */
export type Submission = Omit<z.output<typeof submission>, 'bundle'>;

/** Asked before anything is kept of a submission; each throws why not. */
export interface IntakeRules {
  readonly mayEnter: (submitted: Submission) => Promise<void>;
  /** Of code that is no template's. */
  readonly mayBringCode: (submitted: Submission) => void;
}
