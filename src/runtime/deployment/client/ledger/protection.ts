import type { PrivacyDefinition } from '../../../job/privacy.ts';
import type { EgressKind } from './egress-ledger.ts';

/** What protects the lines of a sum in secret, whatever else the job promises. */
const MASKED = {
  keys: 'nothing of people is in it but how many examples the update counts for',
  shares: 'sealed for one other site each',
  'masked update':
    'masks: nobody sees it, and the server sees the sum over the sites of a round (secure_aggregation)',
  agreement: 'nothing of people is in it',
  unmasking: 'it opens the sum alone',
} as const satisfies Readonly<Partial<Record<EgressKind, string>>>;

/** What of a private job protects people in what leaves of each kind. */
const NOISE = 'noise on each number, charged to the budget of the site before it leaves';
const PROTECTION: Readonly<Record<EgressKind, string>> = {
  ...MASKED,
  'masked update': `${NOISE}; and ${MASKED['masked update']}`,
  registration: 'nothing of people is in it',
  'signs of life': 'nothing of people is in it',
  decision: "nothing of people is in it but how much of the site's budget is spent",
  progress: 'steps alone, as many at every site; nothing while pictures are scored',
  update: NOISE,
  harmonisation: 'a private job has none',
  evaluation: 'a private job has none',
  figures:
    'figures stay here (the key metric is told to be undefined); the weight is the number of groups; seconds are tens, rounded up; a state is told by a keyed digest',
  failure:
    'code, file and line alone: no words of a script; charged as the answer that it takes the place of',
  headers: 'sizes, which follow from the model, and digests of what is charged',
  log: 'never leaves in a private job, whatever send_logs says',
};
const MASKED_BY_KIND: Readonly<Partial<Record<EgressKind, string>>> = MASKED;
const OUTSIDE =
  'NOTHING protects figures of models (privacy.metrics: outside): they are counts on real people, and no part of the promise';

/** In words for whoever decides on a job; null where nothing protects what is in it. */
export function protectionOf(what: EgressKind, privacy: PrivacyDefinition | undefined): string | null {
  if (!privacy) return MASKED_BY_KIND[what] ?? null;
  return what === 'figures' && privacy.metrics === 'outside' ? OUTSIDE : PROTECTION[what];
}

/** What leaves a site in a private job, and what protects it. */
const LEAVES: readonly EgressKind[] = ['update', 'figures', 'progress', 'failure', 'log', 'decision'];

export function protectedLines(
  privacy: PrivacyDefinition | undefined,
): { readonly what: string; readonly protected_by: string }[] {
  return LEAVES.flatMap((what) => {
    const by = protectionOf(what, privacy);
    return by === null ? [] : [{ what, protected_by: by }];
  });
}
