/** Which part of a harmonisation holds for the images of a site. */
export const HARMONY_RULES = ['effects of the site', 'landmarks alone'] as const;
export type HarmonyRule = (typeof HARMONY_RULES)[number];
