// Writes dist/houseline.d.ts: the types of the browser library in one file that needs nothing else, for applications that embed it.
import { writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import ts from "typescript";

const app = join(import.meta.dirname, "..");
const protocol = join(app, "protocol");
const entry = join(app, "client", "index.ts");
const options = {
  target: ts.ScriptTarget.ES2024, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, lib: ["lib.es2024.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
  strict: true, skipLibCheck: true, allowImportingTsExtensions: true, declaration: true, emitDeclarationOnly: true, stripInternal: true, types: [],
};

/** Everything that the library exports, and what that names. */
export function writeTypes(output) {
  const program = ts.createProgram([entry], options);
  const checker = program.getTypeChecker();
  /** Declarations of the client by name; names are unique in it. */
  const declarations = new Map();
  const files = new Set();
  collect(entry);
  const wanted = exportsOf(entry).map(({ name }) => name);
  const exported = new Set(wanted);
  const written = new Map();
  for (const name of wanted) write(name);
  writeFileSync(output, `/** Types of houseline.js, the browser library of Houseline (docs/library.md). */\n${[...written.values()].join("\n\n")}\n\nexport {};\n`);

  function collect(file) {
    if (files.has(file)) return;
    files.add(file);
    for (const statement of declarationsOf(file)) {
      const from = statement.moduleSpecifier?.text;
      if (from?.startsWith(".") && relative(protocol, join(dirname(file), from)).startsWith("..")) collect(join(dirname(file), from));
      const name = statement.name?.text ?? statement.declarationList?.declarations[0].name.text;
      if (name && !from) declarations.set(name, statement.getFullText().trim());
    }
  }

  function declarationsOf(file) {
    let text = "";
    program.emit(program.getSourceFile(file), (_, declaration) => { text = declaration; }, undefined, true);
    return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true).statements;
  }

  /** A name, after what it names. */
  function write(name) {
    if (written.has(name)) return;
    written.set(name, "");
    const text = declarations.get(name) ?? fromProtocol(name);
    written.delete(name);
    for (const [, word] of text.replaceAll(/\/\*[\s\S]*?\*\//g, "").matchAll(/\b([A-Z]\w*|(?<=typeof )\w+)\b/g)) {
      if (word !== name && (declarations.has(word) || protocolType(word))) write(word);
    }
    written.set(name, exported.has(name) ? text : text.replace(/^(\/\*\*[\s\S]*?\*\/\n)?export (declare )?/, (_, comment = "", declare = "") => comment + declare));
  }

  function exportsOf(file) {
    return checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)));
  }

  function protocolType(name) {
    const symbol = exportsOf(join(protocol, "wire.ts")).find((one) => one.name === name);
    const alias = symbol && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const declared = alias?.declarations?.find(ts.isTypeAliasDeclaration);
    return declared && !declared.typeParameters ? { alias, declared } : undefined;
  }

  /** A type of the protocol comes from a schema: written out, it needs no schema. */
  function fromProtocol(name) {
    const found = protocolType(name);
    if (!found) throw new Error(`The library exports ${name}, which is declared neither in the client nor as a plain type of the protocol.`);
    const flags = ts.NodeBuilderFlags.NoTruncation | ts.NodeBuilderFlags.InTypeAlias | ts.NodeBuilderFlags.MultilineObjectLiterals;
    const node = checker.typeToTypeNode(checker.getDeclaredTypeOfSymbol(found.alias), undefined, flags);
    const source = found.declared.getSourceFile();
    const [comment] = (ts.getLeadingCommentRanges(source.text, found.declared.getFullStart()) ?? []).map(({ pos, end }) => source.text.slice(pos, end)).filter((text) => text.startsWith("/**")).slice(-1);
    return `${comment ? `${comment}\n` : ""}export type ${name} = ${ts.createPrinter().printNode(ts.EmitHint.Unspecified, node, source)};`;
  }
}
