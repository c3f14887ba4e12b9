/** What `provision --generate` writes: a project that can be provisioned as it is. */
export const SAMPLE_PROJECT = `# A federation: who takes part, and where its server is reached. Keys as in nvflare's project.yml.
#   neuroflare provision --project-file project.yml --workspace kits
api_version: 3
name: example_project
description: brain MRI at two hospitals

participants:
  - name: server.example.org
    type: server
    org: university
    fed_learn_port: 8002            # the port the others connect to, the only one there is
    # default_host: server.example.org   # the host they connect to; default: the name
    # host_names: [10.0.0.5, localhost]  # more names and addresses the certificate is good for
    # listening_host: 0.0.0.0            # where the server listens: behind a NAT its inner address
    # listening_port: 8002               # default: fed_learn_port
  - name: site-1
    type: client
    org: hospital_a
  - name: site-2
    type: client
    org: hospital_b
    # connect_to: { host: 10.0.0.5, port: 8443 }   # another way to the server, for this site alone
  - name: admin@example.org
    type: admin
    org: university
    role: project_admin             # project_admin, org_admin, lead or member
  - name: researcher@example.org
    type: admin
    org: university
    role: lead
`;
