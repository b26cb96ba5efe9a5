/**
 * Disclosures as FHIR, judged by the HAPI validator: R4 and the profiles of IHE Basic Audit Log Patterns that they
 * claim. The profiles' own package cannot be had by builds, so their rules stand in balp-profiles.ts after the published
 * guide; that the validator holds resources to them is shown by breaking each rule.
 */
import { expect, test } from '@jest/globals';
import { disclosuresOf } from '../../audit/export/disclosures.ts';
import type { ExportedDisclosure } from '../../audit/export/disclosures.ts';
import { exportedEvents } from '../../audit/export/exported-events.ts';
import { BALP_PROFILES, fhirAuditEvent } from '../../audit/export/fhir-audit-event.ts';
import { ALL_TIME } from '../../audit/query/answer.ts';
import { honestLog } from '../support/audit-log-maker.ts';
import { validateFhir, validatorMissing } from '../support/fhir-validator.ts';
import { MemoryAuditSource } from '../support/memory-audit-source.ts';

const missing = validatorMissing();
const PERSON = { id: 'MRN-0001', records: 2 };
/** As jest has it where there is nothing to validate with. */
const validated = missing === null ? test : test.skip;

interface Resource {
  meta: { profile?: string[] };
  outcome: string;
  subtype: { code: string }[];
  agent: { type?: { coding: { code: string }[] }; who: { display?: string }; network?: object }[];
  source: { observer: { display: string } };
  entity: { what?: object; role: { code: string } }[];
  recorded?: string;
}

async function disclosures(): Promise<readonly ExportedDisclosure[]> {
  const source = new MemoryAuditSource(honestLog(3, 60).audit);
  const found: ExportedDisclosure[] = [];
  const counts = { unreadable: 0, pruned: 0 };
  for await (const each of disclosuresOf(exportedEvents(source, ALL_TIME, counts))) found.push(each);
  return found;
}

/** Each breaks one rule of the profile that the resource claims. */
const BREACHES: readonly (readonly [profile: string, breach: string, apply: (resource: Resource) => void])[] =
  [
    ['PrivacyDisclosure.Source', 'no patient', (r) => void r.entity.pop()],
    ['PrivacyDisclosure.Source', 'a patient who is nobody', (r) => void delete r.entity[1]!.what],
    ['PrivacyDisclosure.Source', 'another subtype', (r) => void (r.subtype[0]!.code = 'access')],
    [
      'PrivacyDisclosure.Source',
      'a source that is not the observer',
      (r) => void (r.source.observer.display = 'else'),
    ],
    ['PrivacyDisclosure.Source', 'no network of the recipient', (r) => void delete r.agent[1]!.network],
    ['PrivacyDisclosure.Source', 'no recipient', (r) => void (r.agent[1]!.type!.coding[0]!.code = '110150')],
    ['PatientRead', 'no patient', (r) => void r.entity.pop()],
    ['PatientRead', 'an outcome that is no success', (r) => void (r.outcome = '8')],
    ['PatientRead', 'no read', (r) => void (r.subtype[0]!.code = 'create')],
    ['Read', 'a role that data cannot have', (r) => void (r.entity[0]!.role.code = '13')],
    ['Read', 'no server', (r) => void r.agent.shift()],
    ['Read', 'no time, against R4 itself', (r) => void delete r.recorded],
    [
      'Read',
      'a profile that is nowhere',
      (r) => void (r.meta.profile = [`${BALP_PROFILES}IHE.BasicAudit.None`]),
    ],
  ];

validated(
  `are valid by R4 and by every profile that they claim, and not valid with a rule broken${missing === null ? '' : ` (${missing})`}`,
  async () => {
    const all = await disclosures();
    const found = [...all.slice(0, 4), ...all.filter(({ facts }) => facts.grant !== null).slice(0, 4)];
    const sound = found.flatMap((each) =>
      [each, { ...each, person: PERSON }].flatMap((one) => [
        fhirAuditEvent(one, 'made-cluster', 'disclosure'),
        fhirAuditEvent(one, 'made-cluster', 'read'),
      ]),
    );
    const claims = sound.map(({ meta }) => meta.profile?.[0]?.slice(BALP_PROFILES.length) ?? 'none');
    expect(new Set(claims)).toEqual(
      new Set([
        'none',
        'IHE.BasicAudit.PrivacyDisclosure.Source',
        'IHE.BasicAudit.Read',
        'IHE.BasicAudit.PatientRead',
      ]),
    );
    const broken = BREACHES.map(([profile, , apply]) => {
      const at = claims.indexOf(`IHE.BasicAudit.${profile}`);
      const resource = JSON.parse(JSON.stringify(sound[at])) as Resource;
      apply(resource);
      return resource;
    });
    const findings = validateFhir([...sound, ...broken].map((each) => JSON.stringify(each)));
    const errors = findings.filter(({ severity }) => severity === 'ERROR' || severity === 'FATAL');
    expect(errors.filter(({ resource }) => resource < sound.length)).toEqual([]);
    const accepted = BREACHES.filter((_, i) => !errors.some(({ resource }) => resource === sound.length + i));
    expect(accepted.map(([profile, breach]) => `${profile}: ${breach}`)).toEqual([]);
    // Everything was looked at: each resource lacks the narrative that is recommended.
    const told = new Set(findings.map(({ resource }) => resource));
    expect(told.size).toBe(sound.length + broken.length);
  },
  300_000,
);
