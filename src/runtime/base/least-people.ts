/**
 * People (groups of images of one patient) that each count and each sum that leaves a site is over, unless the site asks for more of them
 * (`least_people` of its policy).
 */
export const LEAST_PEOPLE = 10;
