// What secure aggregation costs beside a round: processor time of one site and of the server, in one process.
//   node bench/masking.ts [--sites 10] [--megabytes 100] [--repeats 3]
// Each figure is the least of its repeats: what else runs on the machine only adds to it.
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { publicOf } from '../src/runtime/masking/agreement.ts';
import { applyMasks, type Mask, opposite } from '../src/runtime/masking/mask-stream.ts';
import { addWords, fromRing, toRing } from '../src/runtime/masking/ring.ts';
import { ownMask, pairMask } from '../src/runtime/masking/session-keys.ts';
import { rebuildSecret, shareSecret } from '../src/runtime/masking/shamir.ts';
import { usualThreshold } from '../src/runtime/masking/thresholds.ts';

const { values } = parseArgs({
  options: {
    sites: { type: 'string', default: '10' },
    megabytes: { type: 'string', default: '100' },
    repeats: { type: 'string', default: '3' },
  },
});
const [sites, megabytes, repeats] = [Number(values.sites), Number(values.megabytes), Number(values.repeats)];
const count = Math.round((megabytes * 1e6) / 4);
/** As a slice of a file is worked off. */
const SLICE = 1 << 18;

const names = Array.from({ length: sites }, (_, at) => `site-${at + 1}`);
const secrets = names.map(() => new Uint8Array(randomBytes(32)));
const publics = secrets.map(publicOf);
const transcript = new Uint8Array(randomBytes(32));
const holders = { holders: sites, threshold: usualThreshold(sites) };

/** Seconds of processor time. */
function seconds(work: () => void): string {
  const taken = Array.from({ length: repeats }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  });
  return `${Math.min(...taken).toFixed(4)} s`;
}

function masksOf(at: number): Mask[] {
  const secret = secrets[at] ?? new Uint8Array(32);
  return publics.flatMap((peer, other) => {
    const of = { own: names[at] ?? '', other: names[other] ?? '' };
    return other === at ? [] : (pairMask({ secret, peer, transcript }, of) ?? []);
  });
}

const numbers = Float64Array.from({ length: SLICE }, (_, index) => Math.sin(index));
const [words, sum, mean] = [new Int32Array(SLICE), new Int32Array(SLICE), new Float64Array(SLICE)];

/** The same slice again and again: memory does not grow with the model. */
function eachSlice(work: (length: number, start: number) => void): void {
  for (let start = 0; start < count; start += SLICE) work(Math.min(SLICE, count - start), start);
}

/** Some of its masks it adds, others it takes off. */
const middle = sites >> 1;
const all = [ownMask(randomBytes(32), names[middle] ?? '', transcript), ...masksOf(middle)];
const own = opposite(names.map((name) => ownMask(randomBytes(32), name, transcript)));

const rows: readonly [string, () => void][] = [
  [
    'site: keys and shares',
    () => {
      masksOf(0);
      for (let turn = 0; turn < 2; turn++) shareSecret(randomBytes(32), holders, randomBytes);
    },
  ],
  [
    'site: onto the grid',
    () => eachSlice((length) => void toRing(numbers, 1 / sites, words.subarray(0, length))),
  ],
  [
    `site: ${all.length} masks`,
    () => eachSlice((length, start) => applyMasks(words.subarray(0, length), start, all)),
  ],
  [
    `server: sum of ${sites}`,
    () =>
      eachSlice((length) => {
        for (let site = 0; site < sites; site++) addWords(sum.subarray(0, length), words.subarray(0, length));
        fromRing(sum.subarray(0, length), 1, mean.subarray(0, length));
      }),
  ],
  [
    `server: ${own.length} own masks off`,
    () => eachSlice((length, start) => applyMasks(sum.subarray(0, length), start, own)),
  ],
  [
    'server: a site that dropped out',
    () => {
      const lost = rebuildSecret(
        shareSecret(secrets[1] ?? new Uint8Array(32), holders, randomBytes).slice(0, holders.threshold),
      );
      secrets[1] = new Uint8Array(lost);
      const masks = masksOf(1);
      eachSlice((length, start) => applyMasks(sum.subarray(0, length), start, masks));
    },
  ],
];

console.log(`${sites} sites, ${megabytes} MB of numbers, processor time, least of ${repeats}`);
for (const [what, work] of rows) console.log(`${what}: ${seconds(work)}`);
