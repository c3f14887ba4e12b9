import { flError } from '../../runtime/base/errors/errors.ts';
import { readInput } from '../../runtime/base/files/read-file.ts';
import { DATA_LIMITS } from '../../runtime/base/limits.ts';
import { VERSIONS } from './fields.ts';
import { decodeNifti, type NiftiImage } from './read.ts';
import { withBytes } from './with-bytes.ts';

/**
 * A pair of `.hdr` and `.img`, of NIfTI-1 or NIfTI-2, read as the one file that it is with its halves put together: so all checks of that are its own.
 * @param header path of the `.hdr`; errors name it
 * @throws NF_NIFTI_ANALYZE for Analyze 7.5, which does not say where right and left are; as `readNifti`
 */
export async function readPair(header: string, voxels: string): Promise<NiftiImage> {
  const head = await readInput(header, DATA_LIMITS.table_bytes.most).catch(missing(header));
  return withBytes(voxels, (data, isAlone) =>
    decodeNifti(joinPair(head, data, header), header, { isAlone }),
  ).catch(missing(voxels));
}

function joinPair(head: Buffer, data: Buffer, file: string): Buffer {
  const version = head.length >= 4 && [head.readInt32LE(0), head.readInt32BE(0)].includes(540) ? 2 : 1;
  const { size, bytes } = VERSIONS[version];
  // What is too short for a header is named by the reader of one file.
  if (head.length < size) return head;
  const at = version === 1 ? 344 : 4;
  const magic = head.toString('latin1', at, at + 4);
  if (version === 1 && magic !== 'ni1\0' && magic !== 'n+1\0') {
    throw flError('NF_NIFTI_ANALYZE', { file }, { place: { file } });
  }
  const isLittle = head.readInt32LE(0) === size;
  const joined = Buffer.alloc(bytes);
  head.copy(joined, 0, 0, size);
  joined.write(magic.replace(/^ni/, 'n+'), at, 'latin1');
  const offset = offsetOf(head, { version, isLittle });
  if (!Number.isInteger(offset) || offset < 0 || offset > data.length) {
    throw flError('NF_NIFTI_OFFSET', { file, offset }, { place: { file } });
  }
  if (version === 1) joined[isLittle ? 'writeFloatLE' : 'writeFloatBE'](bytes, 108);
  else joined[isLittle ? 'writeBigInt64LE' : 'writeBigInt64BE'](BigInt(bytes), 168);
  return Buffer.concat([joined, data.subarray(offset)]);
}

/** Where the voxels begin in their own file. */
function offsetOf(head: Buffer, { version, isLittle }: { version: 1 | 2; isLittle: boolean }): number {
  if (version === 1) return isLittle ? head.readFloatLE(108) : head.readFloatBE(108);
  return Number(isLittle ? head.readBigInt64LE(168) : head.readBigInt64BE(168));
}

function missing(path: string): (cause: NodeJS.ErrnoException) => never {
  return (cause) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw flError('NF_NIFTI_PAIR', { file: path }, { place: { file: path }, cause });
  };
}
