// Reads a JSON list of diagrams, writes a JSON list: the kind of each, or "error: ..." with what the parser says.
import DOMPurify from "dompurify";

// Without a DOM there is nothing to sanitize for; the parsers themselves need none.
DOMPurify.addHook = () => {};
DOMPurify.sanitize = (text) => text;
const { default: mermaid } = await import("mermaid");

const parts = [];
for await (const part of process.stdin) parts.push(part);
const results = [];
for (const diagram of JSON.parse(Buffer.concat(parts).toString())) {
  try {
    results.push((await mermaid.parse(diagram)).diagramType);
  } catch (error) {
    results.push(`error: ${error.message}`);
  }
}
process.stdout.write(JSON.stringify(results));
