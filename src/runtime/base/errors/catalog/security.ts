import type { ErrorRow } from './row.ts';

/** Projects, certificates, startup kits and the list of kits of a user, logs that hold together. */
export const SECURITY_ERRORS = {
  NF_AUDIT_DAMAGED: {
    exit: 1,
    message: 'The log {path} cannot be gone on with: {reason}.',
    hint: "Look at it with 'neuroflare audit verify', keep it and its .head as evidence, and move both away to begin a new one.",
  },
  NF_AUDIT_NONE: {
    exit: 4,
    message: 'There is no log to verify at {path}.',
    hint: 'Give the folder of a kit whose server or client has run, or a log file and --root rootCA.pem.',
  },
  NF_PROJECT_NOT_FOUND: {
    exit: 4,
    message: 'No project file at {path}.',
    hint: "'neuroflare provision --generate' writes a sample project.yml.",
  },
  NF_PROJECT_YAML: {
    exit: 4,
    message: 'The project file is not valid YAML: {reason}',
    hint: 'Correct the project file.',
  },
  NF_PROJECT_INVALID: {
    exit: 4,
    message: '{faults}',
    hint: "Correct what is named; 'neuroflare provision --generate' writes a sample to compare with.",
  },
  NF_PROJECT_EXISTS: {
    exit: 4,
    message: 'There is a file at {path} already.',
    hint: 'Give another name with --project-file, or move the file away.',
  },
  NF_PROJECT_UNKNOWN: {
    exit: 4,
    message: 'No certificate authority of {project} in {workspace}.{nearest}',
    hint: "Give the workspace it was made in with --workspace, or make it with 'neuroflare provision' or 'neuroflare cert init'.",
  },
  NF_PROJECT_AMBIGUOUS: {
    exit: 4,
    message: '{workspace} holds several projects: {projects}.',
    hint: 'Name the one that is meant with --project-file.',
  },
  NF_PARTICIPANT_UNKNOWN: {
    exit: 4,
    message: "The project {project} has no participant '{name}'.{nearest}",
    hint: 'Correct the name, or add it with --add-client or --add-user.',
  },
  NF_PARTICIPANT_EXISTS: {
    exit: 4,
    message: "The project {project} has a participant '{name}' already.",
    hint: 'Take another name; --renew NAME renews the certificate of one that is there.',
  },
  NF_PARTICIPANT_NO_KIT: {
    exit: 4,
    message:
      "No kit and no request of '{name}' were seen in {project}: there is no key to renew a certificate for.",
    hint: "Let the participant run 'neuroflare cert request', then approve it with 'neuroflare cert approve'.",
  },
  NF_PARTICIPANT_REVOKED: {
    exit: 4,
    message: 'The certificate of {name} was revoked on {date}.',
    hint: "Let the participant make a new key with 'neuroflare cert request', and approve it with 'neuroflare cert approve'.",
  },
  NF_CA_EXISTS: {
    exit: 4,
    message: 'The project has a certificate authority already: {path}',
    hint: "Go on with it ('neuroflare cert approve', 'neuroflare provision'), or give another --workspace.",
  },
  NF_CA_BROKEN: {
    exit: 4,
    message: 'The certificate authority in {path} cannot be used: {reason}.',
    hint: 'Restore the folder from a backup; without its key no certificate of this project can be made.',
  },
  NF_CA_EXPIRED: {
    exit: 4,
    message: 'The certificate authority of {project} expired on {date}.',
    hint: 'Provision the project anew in another --workspace and hand out new kits.',
  },
  NF_KEY_EXPOSED: {
    exit: 4,
    message: 'The private key {path} can be read by others (mode {mode}).',
    hint: 'chmod 600 {$path}',
  },
  NF_KEY_INVALID: {
    exit: 4,
    message: 'No private key can be read from {path}: {reason}.',
    hint: "Restore the file, or make a new key with 'neuroflare cert request'.",
  },
  NF_REQUEST_EXISTS: {
    exit: 4,
    message: 'There is a file or folder at {path} already.',
    hint: 'Give another folder with --out; a key that is there is never overwritten.',
  },
  NF_REQUEST_INVALID: {
    exit: 4,
    message: '{path} is not a certificate request: {reason}.',
    hint: "Let the participant run 'neuroflare cert request' and send its request.json as it is.",
  },
  NF_REQUEST_MISMATCH: {
    exit: 4,
    message: 'The request of {name} asks for {asked}, the project says {known}.',
    hint: 'Settle which is right: correct project.yml and give it with --project-file, or let the participant request again.',
  },
  NF_FINGERPRINT_MISMATCH: {
    exit: 2,
    message: 'The fingerprint of {what} is {found}, not {expected}.',
    hint: 'Do not use the file. Ask its sender, by another way than the one it came on, for the fingerprint and for the file again.',
  },
  NF_FINGERPRINT_INVALID: {
    exit: 4,
    message: "'{text}' is no SHA-256 fingerprint.",
    hint: 'Give 64 hex digits; colons and capitals do not matter.',
  },
  NF_APPROVAL_INVALID: {
    exit: 4,
    message: '{path} is not an approval that can be used: {reason}.',
    hint: "Ask the coordinator for the file that 'neuroflare cert approve' or 'neuroflare provision --renew' wrote.",
  },
  NF_APPROVAL_KEY: {
    exit: 4,
    message: 'The approval in {path} is for another key than the one in {key}.',
    hint: 'Give the folder of the request that was approved with --request, or send this request to the coordinator.',
  },
  NF_KIT_EXISTS: {
    exit: 4,
    message: '{path} is there already and is no kit of {name} with this key.',
    hint: 'Give another folder with --out.',
  },
  NF_KIT_NOT_FOUND: {
    exit: 4,
    message: '{path} is not a startup kit: {reason}.',
    hint: "Give the folder that holds 'startup' and 'local', as 'neuroflare provision' or 'neuroflare package' made it.",
  },
  NF_KIT_FAULTY: {
    exit: 4,
    message: 'The startup kit cannot be used: {faults}',
    hint: '{mend}',
  },
  NF_KIT_TYPE: {
    exit: 4,
    message: '{path} is the kit of {article} {found}; {wanted} is needed here.',
    hint: 'Give the folder of the right participant.',
  },
  NF_KIT_LOCAL_YAML: {
    exit: 4,
    message: 'A file of the kit is not valid YAML: {reason}',
    hint: 'Correct the file; it belongs to this site and may be changed.',
  },
  NF_KIT_LOCAL: {
    exit: 4,
    message: '{faults}',
    hint: 'Correct what is named; the file belongs to this site and may be changed.',
  },
  NF_CERT_IDENTITY: {
    exit: 2,
    message: 'The certificate names nobody of the project: {reason}.',
    hint: 'Use a kit of this project.',
  },
  NF_CONFIG_YAML: {
    exit: 4,
    message: 'The list of startup kits is not valid JSON: {reason}',
    hint: "Correct the file, or remove it and add the kits again with 'neuroflare config add'.",
  },
  NF_CONFIG_INVALID: {
    exit: 4,
    message: 'The list of startup kits cannot be read: {faults}',
    hint: "Correct the file, or remove it and add the kits again with 'neuroflare config add'.",
  },
  NF_CONFIG_ID: {
    exit: 4,
    message: "'{id}' cannot name a kit.",
    hint: 'Use up to 64 letters, digits, dots, dashes and underscores.',
  },
  NF_CONFIG_TAKEN: {
    exit: 4,
    message: "'{id}' names the kit in {path} already.",
    hint: 'Take another name, or give --force to let it name the new folder.',
  },
  NF_CONFIG_UNKNOWN: {
    exit: 4,
    message: "No kit is called '{id}'.{nearest}",
    hint: "'neuroflare config list' lists them, 'neuroflare config add ID DIR' adds one.",
  },
  NF_CONFIG_NONE: {
    exit: 2,
    message: 'No startup kit is in use.',
    hint: "Add one with 'neuroflare config add ID DIR', then 'neuroflare config use ID'.",
  },
} as const satisfies Record<string, ErrorRow>;
