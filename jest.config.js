export default {
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    // Node runs the file of a thread, which needs JavaScript.
    '^\\./thread-file\\.js$': '<rootDir>/test/threads/thread-file.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
  coverageProvider: 'babel',
  collectCoverageFrom: ['src/**/*.ts'],
  roots: ['<rootDir>/test'],
  testPathIgnorePatterns: ['/test/system/'],
  testEnvironment: '<rootDir>/test/setup/no-leaks.js',
  reporters: ['default', '<rootDir>/test/setup/closing-line.js'],
  maxWorkers: 2,
  // Ends a test that hangs. A test takes a second or two; one on a busy machine takes many times as long.
  testTimeout: 60_000,
};
