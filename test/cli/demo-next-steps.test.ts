/**
 * The commands at the end of the demo are ones that a reader can type where they are.
 */
import { expect, test } from '@jest/globals';
import { IN_PACKAGE, IN_TREE, nextSteps } from '../../cli/demo-next-steps.ts';
import type { StackDescription } from '../../stack/local-stack.ts';

const STACK: StackDescription = {
  brokers: ['127.0.0.1:1'],
  secureBrokers: [],
  caFile: '',
  registryUrl: 'http://127.0.0.1:2',
  redisUrl: 'redis://127.0.0.1:3',
  oidcIssuer: 'http://127.0.0.1:4',
  people: {},
  machineClient: { id: 'm', secret: 's' },
  logins: {},
  kafkaLibs: '/libs',
  java: 'java',
};

test.each([true, false])('from a package none of them is an npm script (kept: %s)', (isKept) => {
  const text = nextSteps(STACK, '/site', isKept, IN_PACKAGE).join('\n');
  expect(text).not.toContain('npm run');
  expect(text).toContain('npx gauze ');
});

test.each([true, false])('in the tree all of them are (kept: %s)', (isKept) => {
  const text = nextSteps(STACK, '/site', isKept, IN_TREE).join('\n');
  expect(text).not.toContain('npx');
  expect(text).toContain('npm run ');
});

test('as it runs here, it is the tree', () => {
  expect(nextSteps(STACK, '/site', false)).toEqual(nextSteps(STACK, '/site', false, IN_TREE));
});
