/**
 * gauze in containers, as a table: its roles, their ports, and the Kafka users each logs in as. docker-compose.yml and
 * the sites of the containers are both made from it. It holds no secret.
 */

/** Image that docker-compose.yml builds. */
export const GAUZE_IMAGE = 'gauze:0.1.0';

/** Every container of gauze is in the network of the broker, which tells clients 127.0.0.1; the ports are its. */
export const CONTAINER_PORTS = { kafka: 9092, identity: 8087, pages: 8088, registry: 8081 } as const;

/** The service, part by part: where its status is served, and whose passwords it has. */
export const CONTAINER_ROLES = {
  topology: { statusPort: 9464, logins: ['topology'] },
  approvals: { statusPort: 9465, logins: ['approvals', 'auditor'] },
  provisioner: { statusPort: 9466, logins: ['provisioner'] },
  sealer: { statusPort: 9467, logins: ['sealer'] },
} as const satisfies Record<string, { readonly statusPort: number; readonly logins: readonly string[] }>;

export type ContainerRole = keyof typeof CONTAINER_ROLES;

/** In the order in which they are written. */
export const CONTAINER_ROLE_NAMES = Object.keys(CONTAINER_ROLES) as readonly ContainerRole[];

/** Raw topics of the example hospital, which the stack of docker-compose.yml begins with. */
export const CONTAINER_TOPICS = [
  'clinical.patients',
  'clinical.encounters',
  'clinical.observations',
  'clinical.claims',
] as const;
