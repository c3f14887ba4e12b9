import { toNeuroflareError } from '../../../base/errors/errors.ts';
import { shellWord } from '../../../base/text/shell-word.ts';
import type { Verify } from '../../../masking/session/site-side.ts';
import { signerOfText } from '../../../security/signature.ts';
import type { SiteRules } from '../consent/decide.ts';
import type { ClientFolder } from '../memory/client-folder.ts';
import type { PeerCheck } from './masked-tasks.ts';
import { keyOf, PeerKeys } from './peers.ts';

type Rules = Pick<SiteRules, 'site' | 'policy' | 'rootPem' | 'revoked'>;

/**
 * Whether a text was signed by a site of this project: by a certificate of its authority that is good now, is not revoked, is of a client
 * of this name, and has the key that is known here as that of the site.
 * @param kit folder of the site's kit, for people
 * @throws NF_PEERS_INVALID
 */
export async function peerCheck(
  folder: Pick<ClientFolder, 'peersSeen' | 'peersApproved'>,
  rules: Rules,
  kit: string,
): Promise<PeerCheck> {
  const { peers } = rules.policy.secure_aggregation;
  const keys = await PeerKeys.open(folder, {
    peers,
    command: `neuroflare client peers approve ${shellWord(kit)}`,
  });
  return { verify: (claim) => faultOf(claim, { rules, keys }), keep: () => keys.keep() };
}

function faultOf(
  { site, certificate, text, signature }: Parameters<Verify>[0],
  { rules, keys }: { readonly rules: Rules; readonly keys: PeerKeys },
): string | undefined {
  const { rootPem, revoked, site: own } = rules;
  let why: string | undefined;
  const refuse = (reason: string) => {
    why = reason;
    return new Error(reason);
  };
  try {
    const signed = { algorithm: 'ECDSA-P256-SHA256', certificate, signature } as const;
    const { name, type } = signerOfText(signed, text, { rootPem, revoked, now: new Date(), refuse });
    if (type !== 'client') return `its certificate is of ${name}, which is no client (${type})`;
    if (name !== site) return `its certificate is of ${name}`;
  } catch (thrown) {
    return why ?? toNeuroflareError(thrown).message.replace(/\.$/, '');
  }
  return site === own ? undefined : keys.fault(site, keyOf(certificate));
}
