/** One NIfTI-1 data type that holds one real number a voxel. */
export interface Datatype {
  readonly name:
    | 'uint8'
    | 'int8'
    | 'int16'
    | 'uint16'
    | 'int32'
    | 'uint32'
    | 'int64'
    | 'uint64'
    | 'float32'
    | 'float64';
  /** Bytes a voxel. */
  readonly size: 1 | 2 | 4 | 8;
}

/** By the header's code (nifti1.h, "NIFTI_TYPE"). */
export const DATATYPES: ReadonlyMap<number, Datatype> = new Map<number, Datatype>([
  [2, { name: 'uint8', size: 1 }],
  [4, { name: 'int16', size: 2 }],
  [8, { name: 'int32', size: 4 }],
  [16, { name: 'float32', size: 4 }],
  [64, { name: 'float64', size: 8 }],
  [256, { name: 'int8', size: 1 }],
  [512, { name: 'uint16', size: 2 }],
  [768, { name: 'uint32', size: 4 }],
  [1024, { name: 'int64', size: 8 }],
  [1280, { name: 'uint64', size: 8 }],
]);

const REFUSED: ReadonlyMap<number, string> = new Map([
  [1, 'binary'],
  [32, 'complex64'],
  [128, 'RGB24'],
  [1536, 'float128'],
  [1792, 'complex128'],
  [2048, 'complex256'],
  [2304, 'RGBA32'],
]);

/** For a message about a type that is not read. */
export function refusedName(code: number): string {
  return REFUSED.get(code) ?? `unknown type ${code}`;
}

/** Voxels in the machine's (little-endian) byte order as numbers; `bytes` must start at a multiple of `size`. */
export function viewVoxels(bytes: Uint8Array, type: Datatype): ArrayLike<number | bigint> {
  const { buffer, byteOffset } = bytes;
  const count = bytes.byteLength / type.size;
  switch (type.name) {
    case 'uint8':
      return bytes;
    case 'int8':
      return new Int8Array(buffer, byteOffset, count);
    case 'int16':
      return new Int16Array(buffer, byteOffset, count);
    case 'uint16':
      return new Uint16Array(buffer, byteOffset, count);
    case 'int32':
      return new Int32Array(buffer, byteOffset, count);
    case 'uint32':
      return new Uint32Array(buffer, byteOffset, count);
    case 'int64':
      return new BigInt64Array(buffer, byteOffset, count);
    case 'uint64':
      return new BigUint64Array(buffer, byteOffset, count);
    case 'float32':
      return new Float32Array(buffer, byteOffset, count);
    case 'float64':
      return new Float64Array(buffer, byteOffset, count);
  }
}
