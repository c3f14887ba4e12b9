import { resolve } from 'node:path';
import { prettyJson } from '../../base/digest.ts';
import { requireOwnPlace, writeInside } from '../../base/files/no-links.ts';
import { noProgress, type Progress } from '../../base/logging/progress.ts';
import type { HowShown } from '../../learning/dataset/shown-pictures.ts';
import { RUN_FILES } from '../../run/run-folder.ts';
import { type ClassTarget, openTarget, type TargetWish } from '../open-target.ts';
import type { EngineWish } from '../predict/predictor.ts';
import { auditFault } from './fault.ts';
import { type GroupLoss, groupLosses } from './group-losses.ts';
import { judgeMembership, type Suspect } from './membership.ts';
import type { PrivacyAudit } from './result.ts';
import { auditSteps } from './steps-audit.ts';

export interface AuditOptions extends Pick<TargetWish, 'target' | 'workspace' | 'which'>, HowShown {
  /** Runs on other splits of the same data, by whose losses those of the model are judged. */
  readonly references: readonly string[];
  /** Numbers of their own that go through the steps of a private job. */
  readonly canaries: number;
  readonly seed: number;
  readonly engine: EngineWish;
  readonly progress?: Progress;
  readonly signal: AbortSignal;
}

/** Groups of either kind below which nothing can be told. */
const LEAST_GROUPS = 10;

/**
 * Attacks a run as one who has its model and knows pictures: what is promised, whether the steps keep to it, and how well those who were
 * trained on are told from others. Written into the run's folder, which its report shows.
 * @throws NF_PRIVACY_AUDIT, NF_PATH_LINK, NF_EVALUATE_*, NF_BIDS_*, NF_SPLIT_*, NF_ENGINE_*
 */
export async function auditRun(
  options: AuditOptions,
): Promise<{ readonly file: string; readonly audit: PrivacyAudit }> {
  const { canaries, seed, signal, progress = noProgress } = options;
  const target = await openClasses(options, options.target);
  const { run } = target;
  if (!run) throw auditFault(target.file, 'it lies in no run', 'Name a run: JOB, JOB/RUN_ID, or its folder.');
  await requireOwnPlace(run.folder.root, RUN_FILES.privacyAudit);
  const losses = await groupLosses(target, options);
  requireGroups(losses, run.card.run_id);
  const references = await openReferences(options, target);
  const suspects = await suspectsOf(losses, references, options);
  requireGroups(suspects, run.card.run_id);
  const steps = await auditSteps(run.card.job, { canaries, seed, signal, progress });
  const audit: PrivacyAudit = {
    version: 1,
    kind: 'neuroflare-privacy-audit',
    job: run.card.job.name,
    run_id: run.card.run_id,
    model_sha256: target.sha256,
    seed,
    ...steps,
    membership: { references: references.length, ...judgeMembership(suspects) },
  };
  const file = resolve(run.folder.at(RUN_FILES.privacyAudit));
  await writeInside(run.folder.root, RUN_FILES.privacyAudit, prettyJson(audit));
  return { file, audit };
}

function requireGroups(groups: readonly { readonly isMember: boolean }[], run: string): void {
  const members = groups.filter(({ isMember }) => isMember).length;
  if (Math.min(members, groups.length - members) >= LEAST_GROUPS) return;
  throw auditFault(
    run,
    `there are ${members} groups of people that it was trained on and ${groups.length - members} that it has not seen, and ${LEAST_GROUPS} of each are needed`,
    'Split the data so that more of them are in the parts train and test.',
  );
}

/** @throws NF_PRIVACY_AUDIT for a network that gives no classes */
async function openClasses(
  { workspace, which }: Pick<AuditOptions, 'workspace' | 'which'>,
  name: string,
): Promise<ClassTarget> {
  const target = await openTarget({ target: name, workspace, which, job: undefined });
  if (target.task === 'classification') return target;
  throw auditFault(name, 'its network gives no classes', 'Audit a run that tells classes apart.');
}

async function openReferences(
  { references, which, workspace }: AuditOptions,
  target: ClassTarget,
): Promise<readonly ClassTarget[]> {
  return Promise.all(
    references.map(async (name) => {
      const one = await openClasses({ workspace, which }, name);
      if (one.classes.join('\n') !== target.classes.join('\n'))
        throw auditFault(
          name,
          `its classes are ${one.classes.join(', ')}`,
          'Name runs of the same data alone.',
        );
      if (one.run?.card.data?.root !== target.run?.card.data?.root)
        throw auditFault(name, 'its data are others', 'Name runs of the same data on other splits.');
      return one;
    }),
  );
}

/** Those whom no reference has not seen are left out. */
async function suspectsOf(
  losses: readonly GroupLoss[],
  references: readonly ClassTarget[],
  options: AuditOptions,
): Promise<Suspect[]> {
  if (references.length === 0) return losses.map((one) => ({ ...one, score: -one.loss }));
  const known = new Map<string, number[]>();
  for (const reference of references) {
    options.signal.throwIfAborted();
    for (const { group, isMember, loss } of await groupLosses(reference, options, losses))
      if (!isMember) known.set(group, [...(known.get(group) ?? []), loss]);
  }
  return losses.flatMap((one) => {
    const others = known.get(one.group);
    if (!others) return [];
    return { ...one, score: others.reduce((sum, loss) => sum + loss, 0) / others.length - one.loss };
  });
}
