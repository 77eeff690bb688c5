/** How `docs/api/` is made of the types: a page for each entry point of the package. */
import { readFileSync } from 'node:fs';
import { Converter, ReflectionKind } from 'typedoc';
import { MarkdownPageEvent } from 'typedoc-plugin-markdown';

const { name, exports } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

/** The page of each entry point, by its source. */
const pages = new Map(
  Object.entries(exports).flatMap(([path, { types }]) => {
    const source = types?.replace(/^\.\/dist\/(.*)\.d\.ts$/, 'ts/$1.ts');
    return source ? [[source, path === '.' ? name : path.slice(2)]] : [];
  }),
);

/** What is imported for the entry point of a page. */
const importOf = (page) => (page === name ? name : `${name}/${page}`);

/** @param {import('typedoc').Application} app */
function pagesOfEntryPoints(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      module.name = pages.get(project.getSymbolIdFromReflection(module).packagePath);
    }
    for (const variable of project.getReflectionsByKind(ReflectionKind.Variable)) {
      // What a function is made by is of no use to who calls it, and its own text says all.
      variable.defaultValue = undefined;
      for (const signature of variable.type?.declaration?.signatures ?? []) signature.comment = undefined;
    }
  });
}

/**
 * What is written in place, as the alternatives of a union, is described by the text of what it stands in.
 * @param {import('typedoc').Application} app
 */
function literalsAsOne(app) {
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    // Parameters are not looked at, nor what is below them.
    const isOfParameter = (part) => part !== undefined && (part.kindOf(ReflectionKind.Parameter) || isOfParameter(part.parent));
    const literals = project.getReflectionsByKind(ReflectionKind.TypeLiteral).filter((part) => !isOfParameter(part));
    const isDocumented = (part) => part.hasComment() || part.signatures?.every((signature) => signature.hasComment());
    const undocumented = literals.flatMap(({ children = [] }) => children).filter((part) => !isDocumented(part));
    app.options.setValue('intentionallyNotDocumented', [...new Set(undocumented.map((part) => part.getFriendlyFullName()))]);
  });
}

/**
 * The index names what is imported. A signature says what comes back; the line behind it is for its links.
 * @param {import('typedoc').Application} app
 */
function shortPages(app) {
  app.renderer.on(MarkdownPageEvent.END, (page) => {
    page.contents = page.contents
      .replace(/^#+ Returns\n\n((?:.+\n)+)/gm, (_, type) => (type.includes('](') ? `Returns ${type.trim().replace(/\s*\n\s*/g, ' ')}.\n` : ''))
      .replace(/^#+ (?:Inherited from|Overrides)\n\n.*\n/gm, '')
      .replaceAll('Uint8Array<ArrayBufferLike>', 'Uint8Array')
      .replaceAll('`Uint8Array`\\<`ArrayBufferLike`\\>', '`Uint8Array`')
      .replace(/^\| \[([\w-]+)\]\(\1\.md\)/gm, (_, page) => `| [\`${importOf(page)}\`](${page}.md)`)
      .replace(/[ \t]+$/gm, '')
      .replace(/\n{3,}/g, '\n\n');
  });
}

export default {
  entryPoints: [...pages.keys()],
  plugin: ['typedoc-plugin-markdown', pagesOfEntryPoints, literalsAsOne, shortPages],
  out: '../docs/api',
  router: 'module',
  readme: 'none',
  githubPages: false,
  disableSources: true,
  excludeExternals: true,
  excludeReferences: true,
  sortEntryPoints: false,
  sort: ['kind', 'source-order'],
  kindSortOrder: ['Function', 'Variable', 'Interface', 'Class', 'TypeAlias'],
  groupOrder: ['Functions', 'Variables', 'Interfaces', 'Classes', 'Type Aliases'],

  requiredToBeDocumented: ['Module', 'Variable', 'Function', 'Class', 'Interface', 'Property', 'Method', 'Accessor', 'TypeAlias'],
  validation: { notExported: true, invalidLink: true, rewrittenLink: true, notDocumented: true },
  treatWarningsAsErrors: true,

  pageTitleTemplates: { index: 'API reference', module: ({ name: page }) => importOf(page) },
  hidePageHeader: true,
  hideBreadcrumbs: true,
  hideGroupHeadings: true,
  // Anchors of its own: those that a forge makes of headings are others where a name occurs twice.
  useHTMLAnchors: true,
  anchorPrefix: 'api-',
  useCodeBlocks: true,
  indexFormat: 'table',
  expandParameters: true,
  parametersFormat: 'none',
  interfacePropertiesFormat: 'table',
  classPropertiesFormat: 'table',
  typeDeclarationVisibility: 'compact',
  tableColumnSettings: { hideInherited: true, hideOverrides: true, hideModifiers: true },
};
