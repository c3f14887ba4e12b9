/**
 * Cholesky's factor L of a symmetric positive definite matrix, L L' = A, in place of its lower triangle (Golub and Van Loan, "Matrix
 * Computations", 4.2: the row-oriented form, which reads memory in order).
 * @param matrix [size, size]; only the lower triangle is read
 */
export function factorize(matrix: Float64Array, size: number): Float64Array {
  for (let row = 0; row < size; row++) {
    const own = row * size;
    for (let column = 0; column <= row; column++) {
      const other = column * size;
      let sum = matrix[own + column] as number;
      for (let at = 0; at < column; at++)
        sum -= (matrix[own + at] as number) * (matrix[other + at] as number);
      if (column < row) matrix[own + column] = sum / (matrix[other + column] as number);
      else if (sum > 0) matrix[own + column] = Math.sqrt(sum);
      else throw new Error('the matrix is not positive definite');
    }
  }
  return matrix;
}

/** x in L L' x = b. */
export function solve(factor: Float64Array, size: number, right: Float64Array): Float64Array {
  const x = right.slice();
  for (let row = 0; row < size; row++) {
    let sum = x[row] as number;
    for (let at = 0; at < row; at++) sum -= (factor[row * size + at] as number) * (x[at] as number);
    x[row] = sum / (factor[row * size + row] as number);
  }
  for (let row = size - 1; row >= 0; row--) {
    const value = (x[row] as number) / (factor[row * size + row] as number);
    x[row] = value;
    for (let at = 0; at < row; at++) x[at] = (x[at] as number) - (factor[row * size + at] as number) * value;
  }
  return x;
}
