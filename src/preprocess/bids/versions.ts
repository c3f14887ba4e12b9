/** Of the specification that data sets are written by. */
export const BIDS_VERSION = '1.11.1';
/** No HED tags are used; the validator asks for the key all the same. */
export const HED_VERSION = '8.3.0';
