/** The job's files as they travel, in its folder at the server. */
export const PACKED_BUNDLE = 'bundle.json';
