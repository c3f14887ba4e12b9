import { f64At } from './at.ts';
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
      let sum = f64At(matrix, own + column);
      for (let at = 0; at < column; at++) sum -= f64At(matrix, own + at) * f64At(matrix, other + at);
      if (column < row) matrix[own + column] = sum / f64At(matrix, other + column);
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
    let sum = f64At(x, row);
    for (let at = 0; at < row; at++) sum -= f64At(factor, row * size + at) * f64At(x, at);
    x[row] = sum / f64At(factor, row * size + row);
  }
  for (let row = size - 1; row >= 0; row--) {
    const value = f64At(x, row) / f64At(factor, row * size + row);
    x[row] = value;
    for (let at = 0; at < row; at++) x[at] = f64At(x, at) - f64At(factor, row * size + at) * value;
  }
  return x;
}
