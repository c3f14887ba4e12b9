import { openKit } from '../../security/kit/open.ts';
import { certificateWarnings } from './sites/site-states.ts';

/** What the owner of a server should know before it starts. */
export async function serverNotes(kitDir: string): Promise<string[]> {
  return certificateWarnings(await openKit(kitDir, 'server'));
}
