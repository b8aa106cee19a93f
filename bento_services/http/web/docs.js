"use strict";
// Draws /openapi.json for people: every operation with its parameters, body and answers.

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const options = schema.oneOf ?? schema.anyOf;
  if (options) return options.map(typeOf).join(" | ");
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  return schema.type ?? "object";
}

function table(rows) {
  return make("table", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell, at) => make(at ? "td" : "th", { textContent: cell, scope: at ? undefined : "row" })))));
}

function operation(path, method, described) {
  const parameters = (described.parameters ?? []).map((one) => [one.name, one.in, typeOf(one.schema) + (one.required ? ", required" : ""), one.description ?? one.schema?.description ?? ""]);
  const body = described.requestBody?.content["application/json"]?.schema;
  const answers = Object.entries(described.responses).map(([status, answer]) => [status, typeOf(answer.content?.["application/json"]?.schema), answer.description]);
  return make("section", {},
    make("h2", {}, make("code", { textContent: `${method.toUpperCase()} ${path}` })),
    make("p", { textContent: described.description ?? "" }),
    ...(parameters.length ? [make("h3", { textContent: "Parameters" }), table(parameters)] : []),
    ...(body ? [make("h3", { textContent: "Body" }), make("p", { textContent: typeOf(body) })] : []),
    make("h3", { textContent: "Answers" }), table(answers));
}

function model(name, schema) {
  const fields = Object.entries(schema.properties ?? {}).map(([field, one]) => [field, typeOf(one) + ((schema.required ?? []).includes(field) ? "" : ", optional"), one.description ?? ""]);
  return make("section", {}, make("h3", {}, make("code", { textContent: name })), table(fields));
}

async function draw() {
  const document_ = await (await fetch("/openapi.json")).json();
  const operations = Object.entries(document_.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, described]) => operation(path, method, described)));
  const models = Object.entries(document_.components.schemas).map(([name, schema]) => model(name, schema));
  const main = document.getElementById("api");
  main.replaceChildren(make("h1", { textContent: `${document_.info.title} API` }), make("p", { textContent: document_.info.description }),
    make("p", {}, "The document itself: ", make("a", { href: "/openapi.json", textContent: "/openapi.json" })), ...operations, make("h2", { textContent: "Shapes" }), ...models);
  main.setAttribute("aria-busy", "false");
}

draw();
