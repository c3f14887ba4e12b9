import { counted } from '../../base/text/counted.ts';
import { timeText } from '../../base/text/time-text.ts';
import type { Revocations } from './revocations.ts';

const DAY_MS = 86_400_000;

/** How old what a site knows is, for people: a server can keep a newer list from a site, and nobody there would see it otherwise. */
export function revocationsTold(known: Revocations | undefined, now: Date): string {
  if (!known)
    return 'no list of revoked certificates has come here: the coordinator knows whether there is one';
  const { at, serials } = known;
  const days = Math.max(0, Math.floor((now.getTime() - at.getTime()) / DAY_MS));
  const count = counted(serials.size, 'certificate');
  return `the list of revoked certificates is of ${timeText(at)}, ${counted(days, 'day')} old, with ${count}: the coordinator knows whether there is a newer one`;
}
