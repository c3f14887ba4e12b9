import type { ErrorRow } from './row.ts';

/** Failures of `preprocess inspect`, and of `preprocess bids` from DICOM. No message holds anything of a patient. */
export const DICOM_ERRORS = {
  NF_DICOM_NO_FOLDER: {
    exit: 4,
    message: '{path} is no folder.',
    hint: 'Give the folder that holds the DICOM files; it may hold other files and folders as well.',
  },
  NF_DICOM_NOTHING: {
    exit: 4,
    message: 'No DICOM image among the {files|file|files} below {path}.',
    hint: 'Give the folder that the archive, disc or scanner wrote; archives such as .zip must be unpacked first.',
  },
  NF_DICOM_MAP_YAML: {
    exit: 4,
    message: 'The DICOM map is no YAML that can be read: {reason}',
    hint: 'Correct the line that is named.',
  },
  NF_DICOM_MAP: {
    exit: 4,
    message: 'The DICOM map does not fit: {faults}.',
    hint: "Correct the line that is named; 'neuroflare preprocess inspect FOLDER --dicom-map MAP' shows where series go by it.",
  },
  NF_DICOM_KEY: {
    exit: 4,
    message: '{path} is no key file of neuroflare.',
    hint: 'Bring the key back from its copy. Only if there is none: name a file that does not exist, and a new key is made there, with which all subjects get other names.',
  },
  NF_DICOM_KEY_OPEN: {
    exit: 4,
    message: 'The key file {path} can be read by others than its owner.',
    hint: "Take the rights of everybody else away from the file: 'chmod 600' and its name.",
  },
} as const satisfies Record<string, ErrorRow>;
