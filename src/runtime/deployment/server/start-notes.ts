import { counted } from '../../base/text/counted.ts';
import { shellWord } from '../../base/text/shell-word.ts';
import { isoDay } from '../../security/certificate/iso-day.ts';
import { type OpenKit, openKit } from '../../security/kit/open.ts';
import { WARN_DAYS } from '../../security/kit/verify.ts';

/** What the owner of a server should know before it starts. */
export async function serverNotes(kitDir: string): Promise<string[]> {
  return certificateWarnings(await openKit(kitDir, 'server'));
}

/** From 30 days ahead. */
export function certificateWarnings({
  daysLeft,
  expires,
  identity,
}: Pick<OpenKit<'server'>, 'daysLeft' | 'expires' | 'identity'>): string[] {
  if (daysLeft > WARN_DAYS) return [];
  const renew = `neuroflare provision --workspace WORKSPACE --renew ${shellWord(identity.name)}`;
  return [`The server's certificate ends in ${counted(daysLeft, 'day')}, on ${isoDay(expires)}: ${renew}`];
}
