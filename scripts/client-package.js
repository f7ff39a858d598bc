// Creates the package pongcheck-client in dist-client from dist: the files of the client, without dependencies.
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { root } from './steps.js';

const README = `# pongcheck-client

The client of [pongcheck](https://www.npmjs.com/package/pongcheck), without dependencies. It has the API of \`pongcheck/client\`.

\`\`\`js
import { connect } from 'pongcheck-client';

const client = await connect('pong://127.0.0.1:7464');
console.log((await client.ping()).status);
await client.close();
\`\`\`
`;

/** The given files and all files that they import, directly or indirectly. */
function closure(files) {
  const found = new Set(files);
  for (const file of found) {
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(
      /(?:from|import|import\(|require\()\s*'(\.[^']+)'/g,
    )) {
      const path = resolve(dirname(file), specifier);
      for (const one of [path, path.replace(/\.js$/, '.d.ts')]) if (existsSync(one)) found.add(one);
    }
  }
  return found;
}

const dist = join(root, 'dist');
const target = join(root, 'dist-client');

function makeClientPackage() {
  rmSync(target, { recursive: true, force: true });
  const names = ['client.js', 'client.cjs', 'client.d.ts', 'client.d.cts'];
  for (const file of closure(names.map((name) => join(dist, name)))) {
    cpSync(file, join(target, 'dist', relative(dist, file)));
  }
  const { version, author, license, type, engines, exports } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const made = {
    name: 'pongcheck-client',
    version,
    description: 'Client of pongcheck, without dependencies.',
    keywords: ['pongcheck', 'ping', 'pong', 'health-check', 'heartbeat', 'client'],
    author,
    license,
    type,
    engines,
    main: './dist/client.cjs',
    types: './dist/client.d.ts',
    exports: { '.': exports['./client'], './package.json': './package.json' },
    files: ['dist'],
  };
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(made, null, 2)}\n`);
  writeFileSync(join(target, 'README.md'), README);
  copyFileSync(join(root, 'LICENSE'), join(target, 'LICENSE'));
}

makeClientPackage();
