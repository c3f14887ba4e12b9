import type { Progress } from '../../runtime/base/logging/progress.ts';
import { convertFolder } from '../bids/convert.ts';
import type { BidsSummary } from '../bids/summary.ts';
import { DEFAULT_CAP } from '../groups/find-groups.ts';
import { type Finding, finding } from './finding.ts';

const THRESHOLD = 0.9;
const JOBS = 4;

/** What `preprocess bids` would find in class folders of pictures; nothing is written. @throws NF_BIDS_* where there are no class folders */
export async function checkSource(
  source: string,
  watch: {
    /** File with lines `folder: label`. */
    labelMap?: string | undefined;
    exclude?: readonly string[] | undefined;
    progress: Progress;
    signal?: AbortSignal | undefined;
  },
): Promise<{ summary: BidsSummary; findings: Finding[] }> {
  const summary = await convertFolder({
    source,
    target: `${source}.neuroflare-check`,
    labelMap: watch.labelMap,
    exclude: watch.exclude ?? [],
    name: 'check',
    license: '',
    authors: [],
    processing: { size: undefined, headMask: false },
    deface: false,
    rule: { threshold: THRESHOLD, cap: DEFAULT_CAP },
    jobs: JOBS,
    skipBad: true,
    dryRun: true,
    progress: watch.progress,
    ...(watch.signal && { signal: watch.signal }),
  });
  const { bad, label_conflicts: conflicts, set_aside: aside, mirrored, alike_labels: alike } = summary;
  const findings = [
    ...bad.map(({ code, path, detail }) =>
      finding('error', 'NF_CHECK_IMAGE', { params: { reason: code, detail }, place: { file: path } }),
    ),
    ...conflicts.map(({ labels, source_files: files }) =>
      finding('warning', 'NF_CHECK_CONFLICT', {
        params: { labels: labels.join(' and '), files: files.join(', ') },
        place: { file: files[0] ?? '' },
      }),
    ),
    ...alike.map(({ files: [one = '', other = ''], labels: [label = '', otherLabel = ''] }) =>
      finding('warning', 'NF_CHECK_ALIKE_LABELS', {
        params: { participant: one, other, label, otherLabel },
        place: { file: one },
      }),
    ),
    ...mirrored.map(([one = '', other = '']) =>
      finding('warning', 'NF_CHECK_MIRRORED', { params: { one, other }, place: { file: one } }),
    ),
    ...(aside.duplicate > 0
      ? [finding('warning', 'NF_CHECK_COPIES', { params: { count: aside.duplicate } })]
      : []),
  ];
  return { summary, findings };
}
