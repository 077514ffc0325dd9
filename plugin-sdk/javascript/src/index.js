// Write Reprise session-cache policies in JavaScript or TypeScript. What everything is, is documented in index.d.ts.

export { Policy, exportsOf } from "./policy.js";
export { Settings, SettingsError } from "./settings.js";
export { Network } from "./network.js";
export { ServerNames, isPattern } from "./server_name.js";
export { isValidAt, namesOf } from "./certificate.js";
export { observe, state } from "./host.js";
