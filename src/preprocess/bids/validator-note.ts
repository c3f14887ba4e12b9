/** Rows of a table that the official validator reads unless it is told otherwise (bids-validator-deno 3.0). */
const VALIDATOR_ROWS = 1000;

/** For the README of a data set: how the official validator reads a table of so many rows whole; empty where it does anyway. */
export function validatorNote(rows: number): string {
  if (rows <= VALIDATOR_ROWS) return '';
  return `
Validation
The official BIDS validator reads the first ${VALIDATOR_ROWS} rows of a table unless it is told otherwise, and then misses the participants
behind them (PARTICIPANT_ID_MISMATCH). Run it with --max-rows -1 to have all rows read.
`;
}
