// Two projects: `unit` needs nothing and takes seconds; `integration` runs against the real local stack.
const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
};

export default {
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '/test/integration/', '/test/fault/'],
    },
    {
      ...shared,
      displayName: 'integration',
      testMatch: ['<rootDir>/test/integration/**/*.test.ts'],
      globalSetup: '<rootDir>/test/support/start-stack.ts',
      globalTeardown: '<rootDir>/test/support/stop-stack.ts',
    },
    {
      ...shared,
      displayName: 'fault',
      testMatch: ['<rootDir>/test/fault/**/*.test.ts'],
      globalSetup: '<rootDir>/test/support/start-stack.ts',
      globalTeardown: '<rootDir>/test/support/stop-stack.ts',
    },
  ],
  // The last line of a run says how it went: `N passed, N failed`.
  reporters: ['default', '<rootDir>/test/support/count-reporter.ts'],
  testTimeout: 120_000,
};
