import { hkdfSync } from 'node:crypto';
import type { BudgetLedger, SiteSecrets } from './filter.ts';

const KEY_BYTES = 32;

/** Keys drawn from one secret (HKDF, RFC 5869). @param read the secret; it is read when the first key is asked for */
export function secretsOf(read: () => Promise<Uint8Array>): SiteSecrets {
  let secret: Promise<Uint8Array> | undefined;
  return {
    key: async (purpose) => {
      secret ??= read();
      const known = await secret.catch((error: unknown) => {
        secret = undefined;
        throw error;
      });
      return new Uint8Array(hkdfSync('sha256', known, new Uint8Array(0), purpose, KEY_BYTES));
    },
  };
}

/** A site that has no budget lets nothing go that costs something. */
export const NO_BUDGET: BudgetLedger = {
  charge: async ({ what }) => {
    throw new Error(`the site has no budget for ${what}`);
  },
};
