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
  NF_DICOM_KEY_INSIDE: {
    exit: 4,
    message: 'The key file {path} would lie in the folder {folder}, and travel with its data.',
    hint: 'Keep the key in a folder of its own that stays at the site.',
  },
  NF_DICOM_KEY_OTHER: {
    exit: 4,
    message: 'The data set {path} was made with another key: its subjects would get other names now.',
    hint: 'Give the key that it was made with as --key, or choose another target.',
  },
  NF_DICOM_MATCHED_TWICE: {
    exit: 4,
    message: '{count} series fit more than one rule of the DICOM map.',
    hint: 'Make the criteria of the rules that are named narrower, so that each series fits one of them.',
  },
  NF_DICOM_UNMATCHED: {
    exit: 4,
    message: 'None of the {count} series fits a rule of the DICOM map that keeps it.',
    hint: 'Look at the table of the series: neuroflare preprocess inspect.',
  },
  NF_DICOM_BAD_SERIES: {
    exit: 4,
    message: '{count} of {total} chosen series cannot be used; nothing was written.',
    hint: 'Do what is advised beside each series, leave it out by the map, or add --skip-bad to set all of them aside.',
  },
  NF_DICOM_LABELS: {
    exit: 4,
    message: 'The table of labels is not usable: {detail}.',
    hint: 'Correct the line of the table that is named.',
  },
  NF_DICOM_IDENTIFIER: {
    exit: 4,
    message:
      '{file} would hold in {key} what the DICOM element {tag} says of a person, place or device; nothing was written.',
    hint: 'Add the sidecar key to `drop` in the DICOM map, or choose other words in the map, the label table or the name of the data set.',
  },
} as const satisfies Record<string, ErrorRow>;
