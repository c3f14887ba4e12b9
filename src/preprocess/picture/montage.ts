/** Side of each of `count` tiles in a square of `imageSize`. */
export function tileSide(imageSize: number, count: number): number {
  return Math.floor(imageSize / Math.ceil(Math.sqrt(count)));
}

/** Puts tiles in rows from the top left into a square of zeros; what they leave free stays black. */
export function arrange(tiles: readonly Float32Array[], square: Float32Array): Float32Array {
  const imageSize = Math.sqrt(square.length);
  const across = Math.ceil(Math.sqrt(tiles.length));
  for (const [index, tile] of tiles.entries()) {
    const side = Math.sqrt(tile.length);
    const corner = Math.floor(index / across) * side * imageSize + (index % across) * side;
    for (let row = 0; row < side; row++) {
      square.set(tile.subarray(row * side, (row + 1) * side), corner + row * imageSize);
    }
  }
  return square;
}

/** The pictures of one image side by side, as 8-bit greys. */
export function montageOf(pictures: readonly Uint8Array[], imageSize: number): Uint8Array {
  const tiles = pictures.map((picture) => Float32Array.from(picture));
  return Uint8Array.from(arrange(tiles, new Float32Array(imageSize * imageSize)));
}
