import { constants } from 'node:fs';

/** Ways to open a file that a system may lack (Windows): they ask for nothing there. */

/** A link at the end of the path is not followed (ELOOP). */
export const NO_LINK = constants.O_NOFOLLOW ?? 0;
/** Nobody who writes to a pipe is waited for. */
export const NO_WAIT = constants.O_NONBLOCK ?? 0;
