/**
 * The rules of the profiles of IHE Basic Audit Log Patterns that our AuditEvents claim, as a table after the published
 * profiles (BALP 1.1.4, https://profiles.ihe.net/ITI/BALP/), and as StructureDefinitions for a validator. The guide's
 * own package is in no registry that builds reach, so this table stands for it: cardinalities, fixed codes, slices, value
 * sets and invariants, without the texts.
 */

const BASE = 'https://profiles.ihe.net/ITI/BALP/';
const DICOM = 'http://dicom.nema.org/resources/ontology/DCM';
const ENTITY_TYPE = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';
const OBJECT_ROLE = 'http://terminology.hl7.org/CodeSystem/object-role';

type Rule = Readonly<Record<string, unknown>>;

interface Profile {
  readonly name: string;
  readonly parent: string;
  /** By the path below AuditEvent, with `:slice` after an element. */
  readonly rules: Readonly<Record<string, Rule>>;
}

const ofType = (system: string, code: string): Rule => ({ min: 1, patternCoding: { system, code } });
const agentOf = (system: string, code: string): Rule => ({
  min: 1,
  patternCodeableConcept: { coding: [{ system, code }] },
});
const sliced = (path: string, min: number): Rule => ({
  min,
  slicing: { discriminator: [{ type: 'value', path }], rules: 'open' },
});
const one: Rule = { min: 1, max: '1' };
const atMostOne: Rule = { min: 0, max: '1' };
const needed: Rule = { min: 1 };
const none: Rule = { max: '0' };

const PATIENT: Readonly<Record<string, Rule>> = {
  'entity:patient': one,
  'entity:patient.what': {
    min: 1,
    type: [{ code: 'Reference', targetProfile: ['http://hl7.org/fhir/StructureDefinition/Patient'] }],
  },
  'entity:patient.type': ofType(ENTITY_TYPE, '1'),
  'entity:patient.role': ofType(OBJECT_ROLE, '1'),
};

const READ: Profile = {
  name: 'IHE.BasicAudit.Read',
  parent: 'http://hl7.org/fhir/StructureDefinition/AuditEvent',
  rules: {
    type: {
      patternCoding: { system: 'http://terminology.hl7.org/CodeSystem/audit-event-type', code: 'rest' },
    },
    subtype: sliced('$this', 1),
    'subtype:anyRead': {
      ...one,
      binding: { strength: 'required', valueSet: `${BASE}ValueSet/AllReadVS` },
    },
    action: { patternCode: 'R' },
    outcome: { min: 1, patternCode: '0' },
    agent: sliced('type', 2),
    'agent:client': one,
    'agent:client.type': agentOf(DICOM, '110152'),
    'agent:client.who': needed,
    'agent:client.media': none,
    'agent:client.network': needed,
    'agent:server': one,
    'agent:server.type': agentOf(DICOM, '110153'),
    'agent:server.who': needed,
    'agent:server.media': none,
    'agent:server.network': needed,
    'agent:user': atMostOne,
    'agent:user.type': agentOf('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP'),
    'agent:user.who': needed,
    'agent:user.requestor': { patternBoolean: true },
    'agent:user.media': none,
    'agent:user.network': none,
    entity: sliced('type', 1),
    'entity:transaction': atMostOne,
    'entity:transaction.what.identifier.value': needed,
    'entity:transaction.type': ofType(`${BASE}CodeSystem/BasicAuditEntityType`, 'XrequestId'),
    'entity:data': one,
    'entity:data.what': needed,
    'entity:data.type': ofType(ENTITY_TYPE, '2'),
    'entity:data.role': { binding: { strength: 'required', valueSet: `${BASE}ValueSet/RestObjectRoles` } },
  },
};

const PATIENT_READ: Profile = {
  name: 'IHE.BasicAudit.PatientRead',
  parent: `${BASE}StructureDefinition/${READ.name}`,
  rules: { entity: { min: 2 }, ...PATIENT },
};

const DISCLOSURE: Profile = {
  name: 'IHE.BasicAudit.PrivacyDisclosure.Source',
  parent: READ.parent,
  rules: {
    modifierExtension: none,
    type: { patternCoding: { system: DICOM, code: '110106' } },
    subtype: sliced('$this', 1),
    'subtype:disclosure': {
      ...one,
      patternCoding: {
        system: 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle',
        code: 'disclose',
      },
    },
    action: { patternCode: 'R' },
    outcome: needed,
    agent: sliced('type', 2),
    'agent:source': {
      ...one,
      constraint: [
        {
          key: 'val-audit-source',
          severity: 'error',
          human: 'The audit source is this agent too.',
          expression: '$this.who = %resource.source.observer',
        },
      ],
    },
    'agent:source.type': agentOf(DICOM, '110153'),
    'agent:source.who': needed,
    'agent:source.network': needed,
    'agent:recipient': one,
    'agent:recipient.type': agentOf(DICOM, '110152'),
    'agent:recipient.who': needed,
    'agent:recipient.network': needed,
    'agent:custodian': atMostOne,
    'agent:custodian.type': agentOf('http://snomed.info/sct', '159541003'),
    'agent:custodian.who': needed,
    'agent:authorizer': atMostOne,
    'agent:authorizer.type': agentOf('http://snomed.info/sct', '429577009'),
    'agent:authorizer.who': needed,
    entity: sliced('type', 2),
    ...PATIENT,
  },
};

function definition({ name, parent, rules }: Profile): object {
  return {
    resourceType: 'StructureDefinition',
    url: `${BASE}StructureDefinition/${name}`,
    name: name.replaceAll('.', ''),
    status: 'active',
    fhirVersion: '4.0.1',
    kind: 'resource',
    abstract: false,
    type: 'AuditEvent',
    baseDefinition: parent,
    derivation: 'constraint',
    differential: {
      element: [
        { id: 'AuditEvent', path: 'AuditEvent' },
        ...Object.entries(rules).map(([path, rule]) => {
          const [, slice] = /:(\w+)$/.exec(path) ?? [];
          return {
            id: `AuditEvent.${path}`,
            path: `AuditEvent.${path.replace(/:\w+/, '')}`,
            ...(slice === undefined ? {} : { sliceName: slice }),
            ...rule,
          };
        }),
      ],
    },
  };
}

function valueSet(name: string, system: string, codes: readonly string[]): object {
  return {
    resourceType: 'ValueSet',
    url: `${BASE}ValueSet/${name}`,
    name,
    status: 'active',
    compose: { include: [{ system, concept: codes.map((code) => ({ code })) }] },
  };
}

/** Profiles and value sets, as resources. */
export const BALP_RESOURCES: readonly object[] = [
  valueSet('AllReadVS', 'http://hl7.org/fhir/restful-interaction', ['read', 'vread']),
  valueSet('RestObjectRoles', OBJECT_ROLE, ['4', '3', '20']),
  ...[READ, PATIENT_READ, DISCLOSURE].map(definition),
];
