/** Why a picture cannot be used, as a short fixed word. */
export type FaultCode =
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
  | 'link_outside'
  | 'link_broken'
  | 'folder_in_class'
  | 'not_a_file';

/** One bad picture: a line of a report, not a reason to stop at the first. */
export interface Fault {
  readonly code: FaultCode;
  /** Relative to the source folder. */
  readonly path: string;
  readonly detail: string;
}

/** Thrown by the reading of one picture; whoever reads many turns it into a `Fault`. */
export class PictureError extends Error {
  override readonly name = 'PictureError';
  readonly code: FaultCode;

  constructor(code: FaultCode, detail: string, options: { cause?: unknown } = {}) {
    super(detail, options);
    this.code = code;
  }
}
