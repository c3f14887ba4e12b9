/** Of later versions of the language than the compiler has been told of. */
interface Later {
  readonly Iterator?: { from(source: object): { map(by: unknown): object } };
}

/** Prototypes that no global name leads to. */
export function hiddenPrototypes(): object[] {
  const functions = [async () => undefined, function* () {}, async function* () {}];
  const made = [
    ...functions,
    ...functions.map(({ prototype }) => prototype as object | undefined),
    ...[[].values(), new Map().values(), new Set().values(), ''.matchAll(/x/g), ''[Symbol.iterator]()],
    ...wrappedIterators(),
    ...[new URLSearchParams().entries(), ...timers()],
    Uint8Array,
  ];
  return made.filter(isObject).map((found) => Object.getPrototypeOf(found) as object);
}

/** Those of segments are found when a script first asks for some: to make a segmenter takes longer than many a task. */
export function freezeSegments(): void {
  const { prototype } = Intl.Segmenter;
  const { segment } = prototype;
  let areFrozen = false;
  prototype.segment = function (text) {
    const segments = segment.call(this, text);
    if (!areFrozen)
      for (const made of [segments, segments[Symbol.iterator]()]) Object.freeze(Object.getPrototypeOf(made));
    areFrozen = true;
    return segments;
  };
}

function wrappedIterators(): object[] {
  const { Iterator: made } = globalThis as Later;
  if (!made) return [];
  const wrapped = made.from({ next: () => ({ done: true, value: undefined }) });
  return [wrapped, wrapped.map(String)];
}

/** Of each kind one that never comes. */
function timers(): object[] {
  const [timer, immediate] = [setTimeout(() => undefined, 0), setImmediate(() => undefined)];
  clearTimeout(timer);
  clearImmediate(immediate);
  return [timer, immediate];
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
