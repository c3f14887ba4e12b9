import { z } from 'zod';
import { agreementSchema, sealedSharesSchema, signedMemberSchema } from '../../masking/session/messages.ts';

/** What a server gives to the sites of a session, in the files that their tasks begin with; from 3 to 32 sites. */

const sites = z.array(z.string()).min(1).max(64).readonly();

/** Of the keys: what a site cannot know by itself. */
export const sessionFile = z.strictObject({
  session: z.int().min(1),
  /** Follows from the number of sites that were asked in the round. */
  threshold: z.int().min(2),
});

/** Of the shares. */
export const membersFile = z.strictObject({ members: z.array(signedMemberSchema).min(1).max(64).readonly() });

/** Of the updates: what each site has sent for each other one. Only the other one can open it. */
export const inboxFile = z.strictObject({ sent: z.record(z.string(), sealedSharesSchema) });

/** Of what sites agree on. */
export const survivorsFile = z.strictObject({ survivors: sites });

/** Of the opening. */
export const agreementsFile = z.strictObject({
  survivors: sites,
  agreements: z.array(agreementSchema).max(64).readonly(),
});
