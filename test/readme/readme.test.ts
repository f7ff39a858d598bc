import { holdTables } from './markdown.js';
import { tables } from './tables.js';

// `UPDATE=1 npm test -- test/readme` writes what the code says into the README.
holdTables('README.md', 'table', tables);
