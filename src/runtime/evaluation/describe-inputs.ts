import { softwareVersions } from '../base/files/package-version.ts';
import type { EvaluateOptions } from './evaluation-work.ts';
import type { Target } from './open-target.ts';
import type { Predictor } from './predict/predictor.ts';
import type { EvaluationData, PlacedPerson } from './site-data.ts';

interface Work {
  readonly target: Target;
  readonly data: EvaluationData<PlacedPerson>;
  readonly predictor: Predictor;
  readonly options: Pick<EvaluateOptions, 'part'>;
}

/**
 * What was judged on whom by what: the same for each task of learning, but for the form of the pictures and what is counted.
 * @param people that were judged
 */
export function describeInputs<Form extends object, Counts extends object>(
  { target, data, predictor, options }: Work,
  people: readonly PlacedPerson[],
  { form, counts }: { readonly form: Form; readonly counts: Counts },
) {
  const { name, device, library, version, build, reason } = predictor.engine.describe();
  const groups = [...Map.groupBy(people, ({ group }) => group).values()];
  return {
    model: {
      file: target.file,
      sha256: target.sha256,
      type: target.spec.type,
      ...form,
      job: target.run?.card.job.name ?? null,
      run_id: target.run?.card.run_id ?? null,
    },
    data: {
      root: data.root,
      participants_sha256: data.participants.sha256,
      split: data.split?.path ?? null,
      split_sha256: data.split?.manifest.sha256 ?? null,
      part: options.part,
      sites: [...data.sites],
      subjects: people.length,
      groups: groups.length,
      largest_group: Math.max(...groups.map((group) => group.length)),
      trained_on: data.rows.filter(({ part }) => part === 'train').length,
      ...counts,
    },
    engine: { name, device, library: `${library} ${version} ${build}`, reason },
    software: softwareVersions(),
  };
}
