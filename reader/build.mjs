// Builds the page into one file: node build.mjs MODULES OUT. The same sources and lock file give the same bytes.

import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url)), [modules, out] = process.argv.slice(2).map((path) => resolve(path));
const { build } = createRequire(join(modules, "x.js"))("esbuild");
const { version } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const source = (name) => readFileSync(join(here, "src", name), "utf8");
const hash = (words) => `'sha256-${createHash("sha256").update(words).digest("base64")}'`;

const bundle = await build({
  entryPoints: [join(here, "src/main.js")], bundle: true, minify: true, write: false, metafile: true, format: "iife", target: "es2022",
  charset: "ascii", legalComments: "none", nodePaths: [modules], logLevel: "warning", absWorkingDir: here,
});
const js = bundle.outputFiles[0].text.trim().replace("%VERSION%", version);
if (/<\/script|<!--/i.test(js)) throw new Error("the program would end its own element");
const css = source("page.css").trim();
const csp = `default-src 'none'; script-src ${hash(js)}; style-src ${hash(css)}; media-src blob:; base-uri 'none'; form-action 'none'`;
const parts = { CSP: csp, CSS: css, LICENCES: licences(), JS: js };
writeFileSync(out, source("page.html").replace(/%(CSP|CSS|LICENCES|JS)%/g, (_, name) => parts[name]));

// Of every package whose code is in the bundle.
function licences() {
  const names = new Set(Object.keys(bundle.metafile.inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));
  return [...names].sort().map((name) => {
    const home = join(modules, name), about = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
    const file = readdirSync(home).find((one) => /^licen[cs]e/i.test(one));
    const words = file ? readFileSync(join(home, file), "utf8") : about.license;
    return `${name} ${about.version}, ${about.license}\n\n${words.trim()}\n`;
  }).join("\n----------------------------------------\n\n").replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);
}
