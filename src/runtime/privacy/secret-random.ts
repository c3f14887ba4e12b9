import { createCipheriv } from 'node:crypto';

/** Below this delta what the finite tails of the noise leave out would count: it is taken off delta, once for each job. */
export const NUMERIC_DELTA = 1e-8;

/** Random numbers that nobody can foretell or work out again: AES-256 in counter mode, keyed by 32 secret bytes. */
export interface SecretRandom {
  /** Uniform in (0, 1), 53 bits. */
  uniform(): number;
  /** Standard normal; beyond 8.57 there is nothing, which 1.1e-16 of a pair would be. */
  normal(): number;
}

const BLOCK = 65_536;
const ZEROS = Buffer.alloc(BLOCK);

export function secretRandom(key: Uint8Array): SecretRandom {
  const stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  let [block, at] = [Buffer.alloc(0), 0];
  const uniform = () => {
    if (at === block.length) [block, at] = [stream.update(ZEROS), 0];
    const high = block.readUInt32LE(at) >>> 5;
    const low = block.readUInt32LE(at + 4) >>> 6;
    at += 8;
    // Half a step off both ends, so that neither 0 nor 1 comes.
    return (high * 67_108_864 + low + 0.5) / 9_007_199_254_740_992;
  };
  let spare: number | undefined;
  return {
    uniform,
    // Box and Muller (1958), both of the pair.
    normal: () => {
      if (spare !== undefined) {
        const kept = spare;
        spare = undefined;
        return kept;
      }
      const length = Math.sqrt(-2 * Math.log(uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = length * Math.sin(angle);
      return length * Math.cos(angle);
    },
  };
}
