/** A name that is a folder, too: of a site or a job. It cannot be empty, hidden, `..`, or hold a separator. */
export const FOLDER_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** What `FOLDER_NAME` asks for, in the imperative. */
export const FOLDER_NAME_RULE = 'use up to 64 letters, digits, dots, dashes and underscores';
