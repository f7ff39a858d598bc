// `npm run docs:api`: generates the API reference in api-reference/ from the types and their comments. TypeDoc needs
// the JavaScript API of TypeScript 5, which TypeScript 7 does not have, so both are downloaded for this run only.
import { fail, install, run } from './steps.js';

install();
const packages = ['typedoc@0.28', 'typescript@5.9'].flatMap((name) => ['-p', name]);
if (run('npx', ['-y', ...packages, 'typedoc', '--options', 'typedoc.json']) !== 0) fail('typedoc failed.');
