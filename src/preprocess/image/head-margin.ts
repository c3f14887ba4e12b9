/**
 * Room around a head, as a share of its longer side: in prepared data sets and in the pictures that a network sees. It is black whatever the
 * image has there, and wider than 4 of 96 pixels, so that what a source leaves around its heads (text, a page, a tight crop) tells a
 * network nothing.
 */
export const HEAD_MARGIN = 0.06;
