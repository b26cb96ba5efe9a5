/**
 * Words around identifiers: whom or what a record is about, which events of care have dates, and which words turn a
 * name into something harmless (`addressType`). Data for phi-suspicion.ts, matched word by word, never inside a word:
 * `chromaticityX` is no city. The identifiers themselves are in dictionaries/.
 */

import type { TagName } from '../schemas/tags.ts';

/** Whom or what a name or a record is about. */
export type Subject = 'person' | 'staff' | 'care' | 'thing';

/** Words by what they are about; in a name of several, the last that is known decides (`PatientVisit`: a visit). */
export const SUBJECT_WORDS: ReadonlyMap<string, Subject> = new Map([
  ...subject(
    'person',
    'patient person people pid member subscriber beneficiary insured guarantor contact kin relative spouse mother ' +
      'father parent child employee employer policyholder customer client user resident caregiver participant ' +
      'subject donor guardian individual dependent wearer claimant newborn baby sibling partner respondent enrollee ' +
      'holder recipient payee caller callee sender attendee human family owner sponsor demographic household consumer self nk1 gt1 in1 in2 pd1 mrg',
  ),
  ...subject(
    'staff',
    'practitioner provider physician doctor nurse clinician surgeon prescriber performer author anesthesiologist ' +
      'technician therapist pharmacist radiologist pathologist staff pcp dentist midwife observer requester recorder ' +
      'asserter attester transcriptionist dispenser phlebotomist gp aide investigator coordinator paramedic interpreter counselor counsellor hygienist ' +
      'optometrist psychologist psychiatrist technologist sonographer dietitian chaplain interviewer assessor worker crew caseworker',
  ),
  ...subject(
    'care',
    'encounter visit admission claim observation condition procedure medication immunization allergy diagnosis ' +
      'specimen screening order referral appointment episode prescription dispense stay hospitalization surgery report ' +
      'transcription accident coverage insurance enrollment eligibility exposure measurement vaccination consent exam ' +
      'discharge certification death careplan lab remittance adjudication bill request note document accession requisition ' +
      'transfer reservation schedule scheduling pv1 pv2 obx obr orc dg1 pr1 al1 ft1 nte txa sch in3 rxa rxe rxd spm',
  ),
  ...subject(
    'thing',
    'unit assessment questionnaire question topic project app application file sensor code test drug ' +
      'department ward product system feed schema event class type category package service ' +
      'network connection channel manufacturer vendor model panel measure metric parameter property plugin host ' +
      'activity screen display form site template version group payer plan field table column state software task ' +
      'job queue node cluster bucket role permission tenant environment region zone stream process module library ' +
      'brand ingredient analyte component instrument method protocol facility organization hospital clinic ' +
      'company institution laboratory pharmacy agency country currency language rule config configuration setting ' +
      'job title menu item button page browser os firmware device equipment concept domain vocabulary valueset attribute ' +
      'catalog dataset database server exporter importer source profile namespace image ' +
      'lob benefit tier level gene program trial arm cohort notification interaction location room section appliance layer variable signal function',
  ),
]);

/** Words for an identifying number. */
export const NUMBER_WORDS: ReadonlySet<string> = words(
  'id identifier number uuid guid uid key csn oid reference barcode token',
);

/** Words for a point or a stretch in time. */
export const TIME_WORDS: ReadonlySet<string> = words('date datetime time timestamp day month hour instant');

/** Words for the beginning or end of something: dates inside a record of care, and nowhere else. */
export const EDGE_NAMES: ReadonlySet<string> = words('start stop end begin from to onset issued period when');

/** Events of care, cover and work: their dates are dates of a person. */
export const EVENT_WORDS: ReadonlySet<string> = words(
  'admit admission admitted discharge discharged visit encounter service procedure surgery operation diagnosis onset ' +
    'abatement treatment appointment arrival departure transfer referral collection collected specimen drawn ' +
    'observation measurement exam examination accident injury illness hospitalization hospital immunization ' +
    'vaccination vaccine administration administered prescription prescribed dispense dispensed exposure statement ' +
    'coverage eligibility enrollment enrolment employment hire hired retire retirement marriage certification claim billed ' +
    'adjudication consent therapy medication condition symptom delivery transcription dictation origination attestation ' +
    'authored effective issued analysis requested scheduled schedule performed stay arrive advance identification ' +
    'transaction posting directive entered expiration registration contract debt account purge signature loa ' +
    'preadmission testing agreed followup menstrual gestation conception pregnancy death birth assessment relationship ' +
    'certify occurrence admsn disch appt surg study result resulted ordered order infusion transfusion ' +
    'arrived fill filled donation donated care contact dispatch incident screening draw interview diagnosed treated seen termination terminated payment acquisition implant implanted checkin checkout deposit paid remittance disability study activity concur employ opinion edit',
);

/** What makes the date of an event one of the machinery, not of the person, unless the record is one of care. */
export const MACHINE_TIME_WORDS: ReadonlySet<string> = words(
  'ingest ingested load loaded process processed sync synced update updated modify modified create created insert inserted ' +
    'publish published index indexed expire expiry wait waiting response turnaround elapsed execution uptime cache cached deploy deployed build built poll polled sent notification',
);

/** After an identifier they make something else of it: `addressType`, `birthOrder`, `emailVerified`. */
export const HARMLESS_TAILS: ReadonlySet<string> = words(
  'type category class status state indicator ind flag count code cd reason source method unit quality score rate level ' +
    'percentage percent pct length size version format system priority required enabled supported kind use usage mode ' +
    'verified valid validity order rank sequence seq weight sex cause manner duration country language lang model os ' +
    'battery brand manufacturer qualifier concept confidence accuracy precision rule policy option preference ' +
    'preferred present missing known unknown changed available allowed active result relationship role region ' +
    'title specialty specialization taxonomy confirmed permission opt planned optin optout consent bucket range visible hidden color ' +
    'colour width height index icon label placeholder provider carrier plan schema latency interval frequency ' +
    'zone port pointer fee amount charge cost balance total limit quantity qty setting grade disposition encoding',
);

/** Before an identifier they ask how many or whether: `hasPhone`, `totalContacts`. */
export const HARMLESS_HEADS: ReadonlySet<string> = words(
  'total count max min maximum minimum average avg mean median sum num has have had is are was were should can may allow ' +
    'enable disable show hide require requires supports use uses needs share any multiple',
);

/** Technical words: an address, a name, a number, a URL or a license right after one is the thing's. */
export const MACHINE_WORDS: ReadonlySet<string> = words(
  'server host memory web register registry schema api service callback redirect base logo icon docs documentation ' +
    'software app application product model firmware version file class package queue topic profile system extension ' +
    'structure definition code value namespace cache buffer object thread process kafka broker database repository build ' +
    'jdbc rpc token endpoint health metric pipeline job part batch item line row sequence page step lot set test',
);

/** Everyday short forms in names, and the words they stand for. */
export const ABBREVIATIONS: ReadonlyMap<string, readonly string[]> = new Map(
  (
    'pt:patient pat:patient nm:name nme:name addr:address adr:address addrs:address dob:date_of_birth dod:date_of_death ' +
    'tel:phone telephone:phone telephon:phone phn:phone mob:mobile dt:date dte:date dttm:datetime dtm:datetime ts:timestamp tm:time tms:timestamp ' +
    'num:number nbr:number nr:number no:number idn:identifier ident:identifier ids:id ' +
    'mbr:member subs:subscriber enc:encounter encntr:encounter clm:claim prvdr:provider physn:physician dgns:diagnosis cnt:count bth:birth prov:provider prv:provider phys:physician doc:document ' +
    'emp:employee ins:insurance acct:account lic:license licence:license cty:city cnty:county st:state ' +
    'fname:first_name lname:last_name mname:middle_name frst:first fst:first lst:last mid:middle sur:surname ' +
    'birthdate:birth_date deathdate:death_date dateofbirth:date_of_birth dobirth:date_of_birth bday:birthday bdate:birth_date ' +
    'zipcode:zip_code postcode:postal_code zipcd:zip_code macid:mac_address firstname:first_name lastname:last_name middlename:middle_name ' +
    'surnm:surname fullname:full_name emerg:emergency appt:appointment apt:apartment ' +
    'hosp:hospital hsp:hospital dx:diagnosis rx:prescription admsn:admission adm:admission ' +
    'disch:discharge dsch:discharge ser:serial sn:serial_number bt:bluetooth lat:latitude lon:longitude lng:longitude ' +
    'org:organization dept:department fac:facility desc:description txt:text cmt:comment cmnt:comment rmk:remark ' +
    'med:medical rec:record cert:certification auth:authorization ref:reference req:request spec:specimen ' +
    'guar:guarantor grp:group plcy:policy pol:policy bene:beneficiary benef:beneficiary cov:coverage elig:eligibility ' +
    'attn:attending eff:effective svc:service srv:service obs:observation ' +
    'meas:measurement spcmn:specimen ln:line str:street strt:street cntct:contact resp:responsible ' +
    'emailaddress:email_address phonenumber:phone_number streetaddress:street_address usr:user cust:customer ' +
    'vst:visit prsn:person mothr:mother fathr:father maid:maiden trk:tract ssno:ssn ' +
    'days:day-count hours:hour-count months:month-count cd:code ipaddr:ip_address macaddr:mac_address'
  )
    .split(' ')
    .map((pair) => pair.split(':'))
    .map(([short, long]) => [short!, long!.split('_')] as const),
);

/** Organisations that are nobody's employer here: their addresses and telephones are public. */
export const ORGANIZATION_WORDS: ReadonlySet<string> = words(
  'organization organisation facility hospital clinic institution laboratory lab pharmacy agency payer payor department site practice vendor manufacturer supplier insurer',
);

/** Text that people may have written, or that a program may have put together. */
export const TEXT_WORDS: ReadonlySet<string> = words(
  'description text reason message body detail summary content instruction history finding interpretation explanation answer response statement feedback',
);

/** Words of the classes that the law protects beyond HIPAA, by tag. */
export const SENSITIVE_WORDS: Readonly<Partial<Record<TagName, string>>> = {
  SENSITIVE_SUD:
    'substance use, substance abuse, drug use, drug abuse, alcohol use, alcohol abuse, recreational drug, detox, methadone, addiction, sobriety',
  SENSITIVE_MENTAL:
    'mental health, psychotherapy, psychiatric, psychiatry, behavioral health, suicide, suicidal, self harm',
  SENSITIVE_HIV: 'hiv, hiv status, viral load, antiretroviral',
  SENSITIVE_REPRODUCTIVE:
    'pregnancy, pregnant, abortion, contraception, contraceptive, miscarriage, gravida, fertility, menstrual, last menstrual period',
  SENSITIVE_GENETIC: 'genetic, genomic, genotype, genome, karyotype, mutation, hereditary',
};

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '));
}

function subject(about: Subject, text: string): readonly (readonly [string, Subject])[] {
  return text.split(' ').map((word) => [word, about] as const);
}
