/**
 * Synthetic people for the example hospital, one after another from a seeded faker. Among them are the
 * cases that masking gets wrong: ages over 89, thinly populated ZIP prefixes, twins, missing ZIP codes.
 * Nobody here exists: SSNs are 900-999, phones 555-01xx, addresses and mail of documentation ranges.
 */
import { base, en, Faker } from '@faker-js/faker';
import type { Address, ContactPoint, PatientValue, Practitioner } from './clinical-values.ts';

/** A patient without what belongs to one record of the feed. */
export type Person = Omit<PatientValue, 'feedSequence' | 'recordedAt' | 'change'>;

/** ZIP prefixes with at most 20,000 people (Census 2020): Safe Harbor writes 000 for them. */
export const RESTRICTED_ZIP_PREFIXES = [
  '036',
  '059',
  '102',
  '203',
  '205',
  '369',
  '556',
  '692',
  '753',
  '772',
  '821',
  '823',
  '878',
  '879',
  '884',
  '893',
] as const;

const COMMON_ZIP_PREFIXES = ['021', '100', '331', '606', '770', '900', '941'] as const;
const STATES = ['MA', 'NH', 'VT', 'NY', 'FL', 'IL', 'TX', 'CA', 'WY', 'NM'] as const;
const PAYERS = ['medicare', 'medicaid', 'private', 'dual_eligible', 'no_insurance'] as const;
const FACILITIES = ['NORTH', 'LAKE', 'CHILDREN'] as const;
const YEAR_DAYS = 365.25;

/** A faker of its own for one feed: same seed, same people. */
export function seededFaker(seed: number): Faker {
  return new Faker({ locale: [en, base], seed });
}

/** A number of the range that the Social Security Administration never gives out: 900-999. */
export function syntheticSsn(faker: Faker): string {
  const part = (min: number, max: number, digits: number): string =>
    String(faker.number.int({ min, max })).padStart(digits, '0');
  return `${part(900, 999, 3)}-${part(1, 69, 2)}-${part(1, 9_999, 4)}`;
}

/** A number that no telephone has: 555-0100 to 555-0199 of some area. */
export function syntheticPhone(faker: Faker): string {
  return `(${faker.number.int({ min: 201, max: 989 })}) 555-01${faker.string.numeric(2)}`;
}

/** A doctor, nurse or other provider. */
export function syntheticPractitioner(faker: Faker): Practitioner {
  return {
    practitionerId: faker.string.uuid(),
    npi: `1${faker.string.numeric(9)}`,
    name: `Dr. ${faker.person.firstName()} ${faker.person.lastName()}`,
  };
}

/**
 * Makes people without end. The `index` of a person decides the special case, so that even a small
 * hospital has each: of ten people one is over 89, two live under a restricted ZIP prefix, one has no ZIP
 * code; of 25, one is the twin of the person before.
 */
export class PeopleSource {
  readonly #faker: Faker;
  readonly #asOfDay: number;
  readonly #doctors: readonly Practitioner[];
  #index = 0;
  #last: Person | null = null;

  /** `asOfDay`: days since 1970-01-01 at which ages are told. */
  constructor(faker: Faker, asOfDay: number, doctors: readonly Practitioner[]) {
    this.#faker = faker;
    this.#asOfDay = asOfDay;
    this.#doctors = doctors;
  }

  /** The next person. */
  next(): Person {
    const index = this.#index++;
    const isTwin = index % 25 === 24;
    const fresh = this.#make(index);
    const person: Person = isTwin && this.#last ? twinOf(this.#last, fresh) : fresh;
    this.#last = person;
    return person;
  }

  #make(index: number): Person {
    const faker = this.#faker;
    const gender = faker.helpers.arrayElement(['female', 'male'] as const);
    const given = faker.person.firstName(gender);
    const family = faker.person.lastName();
    const phone = syntheticPhone(faker);
    return {
      patientId: faker.string.uuid(),
      mrn: `MRN-${faker.string.numeric(8)}`,
      facilityMrns: { [faker.helpers.arrayElement(FACILITIES)]: `F${faker.string.numeric(7)}` },
      ssn: syntheticSsn(faker),
      driversLicense: `S${faker.string.numeric(8)}`,
      passport: faker.datatype.boolean(0.4) ? `X${faker.string.numeric(8)}X` : null,
      name: {
        prefix: faker.person.prefix(gender),
        given,
        middle: faker.datatype.boolean(0.3) ? faker.person.middleName(gender) : null,
        family,
        suffix: null,
        maiden: null,
      },
      previousNames: [],
      mothersMaidenName: faker.person.lastName(),
      birthDate: this.#birthDay(index),
      deathDate: null,
      birthPlace: `${faker.location.city()}, US`,
      gender,
      maritalStatus: faker.helpers.arrayElement(['M', 'S', 'D', 'W']),
      race: faker.helpers.arrayElement(['White', 'Black', 'Asian', 'Other']),
      ethnicity: faker.helpers.arrayElement(['Nonhispanic', 'Hispanic']),
      address: this.#address(index),
      telecom: this.#telecom(given, family, phone),
      emergencyContacts: { [`${faker.person.firstName()} ${family}`]: syntheticPhone(faker) },
      accountNumber: `ACC${faker.string.numeric(9)}`,
      coverage: this.#coverage(),
      generalPractitioner: faker.helpers.arrayElement(this.#doctors),
      income: faker.number.int({ min: 0, max: 180_000 }),
      healthcareExpenses: null,
      healthcareCoverage: null,
      portalAddress: `192.0.2.${faker.number.int({ min: 1, max: 254 })}`,
      photo: faker.datatype.boolean(0.1) ? Buffer.from(faker.string.hexadecimal({ length: 32 })) : null,
      note: `${given} ${family} prefers calls at ${phone} in the evening.`,
      sourceFormat: 'synthetic',
    };
  }

  #birthDay(index: number): number {
    const years =
      index % 10 === 3
        ? this.#faker.number.float({ min: 90.1, max: 106 })
        : this.#faker.number.float({ min: 0.1, max: 89 });
    return Math.floor(this.#asOfDay - years * YEAR_DAYS);
  }

  #address(index: number): Address {
    const faker = this.#faker;
    const prefixes = index % 5 === 1 ? RESTRICTED_ZIP_PREFIXES : COMMON_ZIP_PREFIXES;
    const prefix = index % 5 === 1 ? prefixes[Math.floor(index / 5) % prefixes.length]! : null;
    return {
      lines: [faker.location.streetAddress(), ...(faker.datatype.boolean(0.2) ? ['Unit 4'] : [])],
      city: faker.location.city(),
      county: faker.location.county(),
      fips: faker.string.numeric(5),
      state: faker.helpers.arrayElement(STATES),
      zip:
        index % 10 === 7
          ? null
          : `${prefix ?? faker.helpers.arrayElement(COMMON_ZIP_PREFIXES)}${faker.string.numeric(2)}`,
      country: 'US',
      latitude: faker.location.latitude(),
      longitude: faker.location.longitude(),
    };
  }

  #telecom(given: string, family: string, phone: string): readonly ContactPoint[] {
    const mail = `${given}.${family}.${this.#faker.string.numeric(4)}@example.org`.toLowerCase();
    return [
      { system: 'phone', use: 'mobile', value: phone },
      { system: 'email', use: 'home', value: mail },
    ];
  }

  #coverage(): Person['coverage'] {
    const payer = this.#faker.helpers.arrayElement(PAYERS);
    if (payer === 'no_insurance') return null;
    return { payer, memberId: `W${this.#faker.string.numeric(9)}`, groupNumber: null };
  }
}

/** Same birth, family, home and phone; another person in everything else. */
function twinOf(first: Person, fresh: Person): Person {
  return {
    ...fresh,
    name: { ...fresh.name, family: first.name.family, middle: null },
    mothersMaidenName: first.mothersMaidenName,
    birthDate: first.birthDate,
    birthPlace: first.birthPlace,
    address: first.address,
    telecom: first.telecom.slice(0, 1),
    note: `Twin of ${first.name.given} ${first.name.family}.`,
  };
}
