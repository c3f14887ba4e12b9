import type { ErrorCode } from '../../runtime/base/errors/catalog.ts';
import type { Place } from '../../runtime/base/errors/errors.ts';

/** Why a picture cannot be used, as a short fixed word. */
export type PictureFault =
  | 'empty_file'
  | 'not_an_image'
  | 'format_not_allowed'
  | 'animated'
  | 'undecodable'
  | 'cmyk'
  | 'transparent'
  | 'too_large'
  | 'too_small'
  | 'blank'
  | 'unreadable'
  | 'content_absent'
  | 'missing'
  | 'no_label'
  | 'link_outside'
  | 'link_broken'
  | 'folder_in_class'
  | 'not_a_file';

/** One bad file: a line of a report, not a reason to stop at the first. */
export interface Fault {
  /** Of a picture a short word, of a volume the code of its error. */
  readonly code: PictureFault | ErrorCode;
  /** Relative to the source folder; of a row its table and line. */
  readonly path: string;
  readonly detail: string;
  readonly place: Place;
}

/** Thrown by the reading of one picture; whoever reads many turns it into a `Fault`. */
export class PictureError extends Error {
  override readonly name = 'PictureError';
  readonly code: PictureFault;

  constructor(code: PictureFault, detail: string, options: { cause?: unknown } = {}) {
    super(detail, options);
    this.code = code;
  }
}
