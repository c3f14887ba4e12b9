import { packageVersion } from '../../runtime/base/files/package-version.ts';
import { BIDS_VERSION, HED_VERSION } from './versions.ts';

/** `dataset_description.json` of a derivative of one data set (BIDS 1.11, "Derived dataset and pipeline description"). */
export function derivativeDescription(what: {
  readonly name: string;
  readonly license: string;
  readonly authors: readonly string[];
  /** The command that made it, and how. */
  readonly made: string;
  /** From the derivative to its source. */
  readonly link: string;
}): object {
  const { name, license, authors, made, link } = what;
  return {
    Name: name,
    BIDSVersion: BIDS_VERSION,
    HEDVersion: HED_VERSION,
    DatasetType: 'derivative',
    License: license,
    Authors: authors,
    GeneratedBy: [{ Name: 'neuroflare', Version: packageVersion(), Description: made }],
    SourceDatasets: [{ URL: link }],
    DatasetLinks: { raw: link },
  };
}
