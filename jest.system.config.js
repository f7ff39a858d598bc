import common from './jest.config.js';

// Trials mostly wait; each file has its own processes and networks.
export default {
  ...common,
  roots: ['<rootDir>/test/system'],
  testPathIgnorePatterns: [],
  testSequencer: '<rootDir>/test/system/sequencer.js',
  maxWorkers: 3,
  testTimeout: 120_000,
};
