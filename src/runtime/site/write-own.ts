import type { OwnModel } from '../algorithms/task.ts';
import { type Opened, whileOpen } from '../base/files/while-open.ts';
import { readParamsFile } from '../base/tensors/read-params-file.ts';
import { matcherOf, partedBy } from '../base/text/name-patterns.ts';
import { type Figures, figuresSchema } from '../run/own-models.ts';
import type { AnswerFile } from './answer.ts';
import { type Part, writeParts } from './filters/write-tensors.ts';
import { BEST, BYTES, keptName, nameIn } from './kept.ts';
import {
  addPart,
  behind,
  bytesOf,
  entryOfBytes,
  openIn,
  partsOf,
  requireSound,
  scriptOf,
} from './write-kept.ts';

/** What a site had when its task began; absolute paths. */
export interface OwnBefore {
  /** The model that it received. */
  readonly received: string;
  /** What it kept in a task before, if it did. */
  readonly kept: string | undefined;
}

/** What a task came to. */
export interface OwnMade {
  readonly trained?: {
    readonly path: string;
    readonly paramsType: 'FULL' | 'DIFF';
    readonly model: OwnModel;
    /** Patterns of the arrays that are taken; the others stay as they were. Undefined: all are. */
    readonly only: readonly string[] | undefined;
  };
  /** Figures of the best of the models that the site has scored; undefined: those of before. */
  readonly best?: Figures;
  /** Path of what its script keeps now; undefined: what it kept before. */
  readonly state: string | undefined;
  /** 32 bytes that only this site knows. */
  readonly secret: Uint8Array;
}

const MODELS: readonly OwnModel[] = ['personal', 'alone'];

/** Writes what is kept from now on; slice by slice. @throws NF_TENSORS_NOT_FINITE */
export async function writeOwnKept(
  target: string,
  { trained, best, state, secret }: OwnMade,
  before: OwnBefore,
): Promise<AnswerFile> {
  return whileOpen(async (opened) => {
    const kept = before.kept === undefined ? undefined : await openIn(opened, before.kept);
    const script = state === undefined ? scriptOf(kept) : await bytesOf(state, opened);
    const named = (name: string) => kept?.entry(name);
    const figures = best ? textPart(BEST, JSON.stringify(best)) : kept && partOf(kept, named(BEST));
    const origins = new Map<string, Part>();
    const models: Part[] = [];
    for (const model of MODELS) {
      const own = kept ? modelIn(partsOf(kept), model) : [];
      if (trained?.model !== model) {
        models.push(...renamed(own, model));
        continue;
      }
      const began = own.length > 0 ? own : partsOf(await openIn(opened, before.received));
      const now = await partedIn(partsOf(await openIn(opened, trained.path)), trained.only);
      const earlier = await partedIn(began, trained.only);
      models.push(...renamed([...now.taken, ...earlier.others], model));
      if (trained.paramsType === 'DIFF')
        for (const part of earlier.taken) origins.set(keptName(model, part.entry.name), part);
    }
    const parts = [...models, ...(figures ? [figures] : []), behind(secret, script)];
    return writeParts(target, parts, async (slice) => {
      if (slice.entry.name === BYTES || slice.entry.name === BEST) return;
      const origin = origins.get(slice.entry.name);
      if (origin) await addPart(origin, slice);
      requireSound(slice);
    });
  });
}

/** Writes a model of the site's own, or the one that it received, where people find it. */
export async function writeOwnModel(
  target: string,
  model: OwnModel | undefined,
  { received, kept }: OwnBefore,
): Promise<AnswerFile> {
  return whileOpen(async (opened: Opened) => {
    const own =
      model === undefined || kept === undefined ? [] : modelIn(partsOf(await openIn(opened, kept)), model);
    return writeParts(target, own.length > 0 ? own : partsOf(await openIn(opened, received)));
  });
}

/** Of the best of the models that the site has scored; undefined: it has scored none. */
export async function readBest(kept: string): Promise<Figures | undefined> {
  const { [BEST]: found } = await readParamsFile(kept, (name) => name === BEST);
  if (!(found?.data instanceof Uint8Array)) return undefined;
  return figuresSchema.parse(JSON.parse(Buffer.from(found.data).toString()));
}

/** Tensors of an own model, by their names in it. */
function modelIn(parts: readonly Part[], model: OwnModel): Part[] {
  return parts.flatMap((part) => {
    const name = nameIn(model, part.entry.name);
    return name === undefined ? [] : [{ ...part, entry: { ...part.entry, name } }];
  });
}

/** Those that were trained, and the others; the thread is the client's. */
async function partedIn(parts: readonly Part[], patterns: readonly string[] | undefined) {
  if (!patterns) return { taken: [...parts], others: [] };
  const named = parts.map((part) => ({ name: part.entry.name, part }));
  const { meant, others } = await partedBy(named, matcherOf(patterns));
  return { taken: meant.map(({ part }) => part), others: others.map(({ part }) => part) };
}

function renamed(parts: readonly Part[], model: OwnModel): Part[] {
  return parts.map(({ entry, ...part }) => ({
    ...part,
    entry: { ...entry, name: keptName(model, entry.name) },
  }));
}

function partOf(file: Part['file'], entry: Part['entry'] | undefined): Part | undefined {
  return entry && { file, entry };
}

function textPart(name: string, text: string): Part {
  const bytes = Buffer.from(text);
  const readSlice: Part['file']['readSlice'] = async (_entry, start, into) => {
    into.set(bytes.subarray(start, start + into.length));
  };
  return { entry: entryOfBytes(bytes.length, name), file: { readSlice } };
}
