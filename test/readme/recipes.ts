import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readRoot } from './markdown.js';

const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** The HTTP programs in docs/embed.md, by framework name. */
export const recipes: Readonly<Record<string, string>> = Object.fromEntries(
  [...readRoot('docs/embed.md').matchAll(/<!-- recipe: (.*) -->\n```ts\n([^]*?)```/g)].map(([, name, text]) => [
    name,
    // The application defines this in the page.
    `const checks = { own: async () => true };\n${text}`,
  ]),
);

/** Creates a folder for the recipes, with the packages that they import. */
export function recipeFolder(pongcheck: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'pongcheck-recipes-'));
  mkdirSync(join(folder, 'node_modules'));
  const packages = ['express', 'fastify', 'koa', '@nestjs', 'rxjs', 'reflect-metadata', '@types'];
  for (const name of packages) symlinkSync(join(modules, name), join(folder, 'node_modules', name));
  symlinkSync(pongcheck, join(folder, 'node_modules', 'pongcheck'));
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  writeFileSync(
    join(folder, 'app.module.js'),
    "import 'reflect-metadata';\nimport { Module } from '@nestjs/common';\nexport class AppModule {}\nModule({})(AppModule);\n",
  );
  writeFileSync(join(folder, 'app.module.d.ts'), 'export declare class AppModule {}\n');
  return folder;
}
