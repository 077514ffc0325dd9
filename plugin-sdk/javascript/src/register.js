// `node --import @reprise/sdk/register --test`: has the host's imports answered by ./testing.js.

import { register } from "node:module";

const hooks = `
  const testing = new URL("./testing_imports.js", ${JSON.stringify(import.meta.url)}).href;
  export function resolve(specifier, context, next) {
    const found = /^reprise:session-cache\\/(state|observe)@/.exec(specifier);
    return found ? { url: testing + "?" + found[1], format: "module", shortCircuit: true } : next(specifier, context);
  }
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
