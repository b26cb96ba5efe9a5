import { expect, test } from '@jest/globals';
import { faultPlan } from '../support/fault-plan.ts';

const COUNTS = { kill: 50, freeze: 10, restart: 20, reassign: 10 };

test('a seed gives the same faults in the same order, and another seed another order', () => {
  expect(faultPlan(7, COUNTS)).toEqual(faultPlan(7, COUNTS));
  expect(faultPlan(7, COUNTS)).not.toEqual(faultPlan(8, COUNTS));
});

test('a plan has each fault as often as was asked for, mixed', () => {
  const kinds = faultPlan(1, COUNTS).map(({ kind }) => kind);
  expect(
    Object.fromEntries(Object.keys(COUNTS).map((k) => [k, kinds.filter((kind) => kind === k).length])),
  ).toEqual(COUNTS);
  expect(kinds.slice(0, 50)).not.toEqual(Array(50).fill('kill'));
});
