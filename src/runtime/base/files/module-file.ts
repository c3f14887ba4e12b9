/** `.ts` where the sources run as they are, `.js` in the built package: for files that are named at run time. */
export const MODULE_EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
