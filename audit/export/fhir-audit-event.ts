/**
 * A disclosure as a FHIR R4 AuditEvent by IHE Basic Audit Log Patterns 1.1.4. It claims a profile only where the
 * resource keeps it: the privacy disclosure demands a patient, the read a success. A patient stands in it only where
 * the asker named one; tokens and values never do.
 */
import { iso } from '../query/answer.ts';
import type { ExportedDisclosure } from './disclosures.ts';

/**
 * `disclosure`: IHE.BasicAudit.PrivacyDisclosure.Source, an export that was disclosed. `read`: IHE.BasicAudit.Read and
 * PatientRead, for repositories that know only those; they call every read a RESTful one.
 */
export type BalpPattern = 'disclosure' | 'read';

/** Where profiles of BALP have their names. */
export const BALP_PROFILES = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/';

interface Coding {
  readonly system: string;
  readonly code: string;
  readonly display?: string;
}

interface Reference {
  readonly type?: string;
  readonly identifier: { readonly value: string };
  readonly display?: string;
}

interface Agent {
  readonly type?: { readonly coding: readonly Coding[] };
  readonly role?: readonly { readonly text: string }[];
  readonly who: Reference;
  readonly requestor: boolean;
  readonly policy?: readonly string[];
  readonly network?: { readonly address: string; readonly type: string };
  readonly purposeOfUse?: readonly Concept[];
}

interface Concept {
  readonly coding: readonly Coding[];
}

interface Entity {
  readonly what: Reference;
  readonly type: Coding;
  readonly role: Coding;
  readonly name?: string;
  readonly detail?: readonly { readonly type: string; readonly valueString: string }[];
}

/** What of AuditEvent is used, http://hl7.org/fhir/R4/auditevent.html */
export interface FhirAuditEvent {
  readonly resourceType: 'AuditEvent';
  readonly id: string;
  readonly meta: { readonly source: string; readonly profile?: readonly string[] };
  readonly type: Coding;
  readonly subtype: readonly Coding[];
  readonly action: string;
  readonly recorded: string;
  readonly outcome: string;
  readonly outcomeDesc?: string;
  readonly purposeOfEvent?: readonly Concept[];
  readonly agent: readonly Agent[];
  readonly source: { readonly site: string; readonly observer: Reference; readonly type: readonly Coding[] };
  readonly entity: readonly Entity[];
}

const DICOM = 'http://dicom.nema.org/resources/ontology/DCM';
const ENTITY_TYPE = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';
const OBJECT_ROLE = 'http://terminology.hl7.org/CodeSystem/object-role';
const PURPOSE = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const EXPORT: Coding = { system: DICOM, code: '110106', display: 'Export' };
const DISCLOSE: Coding = {
  system: 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle',
  code: 'disclose',
  display: 'Disclose Record Lifecycle Event',
};
const REST: Coding = { system: 'http://terminology.hl7.org/CodeSystem/audit-event-type', code: 'rest' };
const READ: Coding = { system: 'http://hl7.org/fhir/restful-interaction', code: 'read' };
const APPLICATION_SERVER: Coding = {
  system: 'http://terminology.hl7.org/CodeSystem/security-source-type',
  code: '4',
};
const SOURCE: Coding = { system: DICOM, code: '110153', display: 'Source Role ID' };
const DESTINATION: Coding = { system: DICOM, code: '110152', display: 'Destination Role ID' };
/** network-type: a URI. */
const URI_NETWORK = '5';
/** DICOM EventOutcomeIndicator. */
const OUTCOMES = { SUCCESS: '0', MINOR_FAILURE: '4', SERIOUS_FAILURE: '8', MAJOR_FAILURE: '12' } as const;

/** The resource of a disclosure; `clusterId` is the Kafka cluster that it happened on. */
export function fhirAuditEvent(
  disclosure: ExportedDisclosure,
  clusterId: string,
  pattern: BalpPattern,
): FhirAuditEvent {
  const { at, appendedMs, facts, person } = disclosure;
  const isRead = pattern === 'read' && facts.outcome === 'SUCCESS';
  const profile = profileOf(isRead, person !== null);
  const gauze = { identifier: { value: facts.actor }, display: 'gauze' };
  const purposes = facts.purpose.map((code) => ({ coding: [{ system: PURPOSE, code }] }));
  const description = outcomeText(disclosure);
  return {
    resourceType: 'AuditEvent',
    id: `${at.partition}-${at.offset}`,
    meta: {
      source: kafkaUri(clusterId, at.topic, at.partition, at.offset),
      ...(profile === null ? {} : { profile: [profile] }),
    },
    type: isRead ? REST : EXPORT,
    subtype: isRead ? [READ, DISCLOSE] : [DISCLOSE],
    action: 'R',
    recorded: iso(appendedMs),
    outcome: OUTCOMES[facts.outcome],
    ...(description === '' ? {} : { outcomeDesc: description }),
    ...(purposes.length > 0 ? { purposeOfEvent: purposes } : {}),
    agent: agentsOf(disclosure, clusterId, gauze),
    source: { site: clusterId, observer: gauze, type: [APPLICATION_SERVER] },
    entity: [dataEntity(disclosure), ...(person ? [patientEntity(person)] : [])],
  };
}

function profileOf(isRead: boolean, isOfPerson: boolean): string | null {
  if (isRead) return `${BALP_PROFILES}IHE.BasicAudit.${isOfPerson ? 'PatientRead' : 'Read'}`;
  return isOfPerson ? `${BALP_PROFILES}IHE.BasicAudit.PrivacyDisclosure.Source` : null;
}

function outcomeText({ facts, isCertain }: ExportedDisclosure): string {
  return [
    ...(facts.outcomeReason === null ? [] : [facts.outcomeReason]),
    ...(isCertain ? [] : ['upper bound: whether all of it was delivered is not on record']),
  ].join('; ');
}

function agentsOf(
  { facts, range }: ExportedDisclosure,
  clusterId: string,
  gauze: Reference,
): readonly Agent[] {
  const { grant, recipient, onBehalfOf, purpose, audience, policyVersion, outputTopic } = facts;
  const policy = [
    uri('urn:gauze:policy', audience, policyVersion),
    ...(grant ? [uri('urn:gauze:grant', grant.id)] : []),
  ];
  const purposeOfUse = purpose.map((code) => ({ coding: [{ system: PURPOSE, code }] }));
  return [
    {
      type: { coding: [SOURCE] },
      who: gauze,
      requestor: false,
      network: { address: kafkaUri(clusterId, range.topic, range.partition), type: URI_NETWORK },
    },
    {
      type: { coding: [DESTINATION] },
      who: { identifier: { value: recipient ?? '' }, display: recipient ?? '' },
      requestor: onBehalfOf === null,
      policy,
      network: { address: kafkaUri(clusterId, outputTopic ?? range.topic), type: URI_NETWORK },
      ...(purposeOfUse.length > 0 ? { purposeOfUse } : {}),
    },
    ...(onBehalfOf === null ? [] : [person(onBehalfOf, 'on whose behalf', true)]),
    ...(grant?.approvedBy ?? []).map((id) => person(id, 'approver of the grant', false)),
  ];
}

function person(id: string, role: string, requestor: boolean): Agent {
  return { role: [{ text: role }], who: { identifier: { value: id }, display: id }, requestor };
}

function dataEntity({ at, facts, range, person: about }: ExportedDisclosure): Entity {
  const { topic, partition, first, next, delivered } = range;
  const details: readonly (readonly [string, string | number | null])[] = [
    ['first offset', first],
    ['next offset', next],
    ['records delivered', delivered],
    ['records about the patient', about && about.records],
    ['output topic', facts.outputTopic],
    ['fields in clear', facts.fieldsClear.join(' ')],
    ['data classes in clear', facts.dataClasses.join(' ')],
    ['policy', `${facts.audience} ${facts.policyVersion}`],
    ['plan', facts.plan],
    ['grant', facts.grant && facts.grant.id],
    ['emergency', facts.grant?.emergency ? 'yes' : null],
    ['request', facts.requestId],
    ['accounting', facts.accounting],
    ['phase', facts.phase],
    ['audit event', `${at.topic}/${at.partition}/${at.offset}`],
  ];
  return {
    what: { identifier: { value: `${topic}/${partition} [${first}, ${next})` } },
    type: { system: ENTITY_TYPE, code: '2', display: 'System Object' },
    role: { system: OBJECT_ROLE, code: '4', display: 'Domain Resource' },
    name: `${topic}/${partition}`,
    detail: details
      .filter(([, value]) => value !== null && value !== '')
      .map(([type, value]) => ({ type, valueString: String(value) })),
  };
}

function patientEntity({ id }: { readonly id: string }): Entity {
  return {
    what: { type: 'Patient', identifier: { value: id } },
    type: { system: ENTITY_TYPE, code: '1', display: 'Person' },
    role: { system: OBJECT_ROLE, code: '1', display: 'Patient' },
  };
}

function kafkaUri(clusterId: string, ...path: readonly (string | number)[]): string {
  return `kafka://${[clusterId, ...path].map((part) => encodeURIComponent(part)).join('/')}`;
}

function uri(prefix: string, ...parts: readonly (string | number)[]): string {
  return [prefix, ...parts.map((part) => encodeURIComponent(part))].join(':');
}
