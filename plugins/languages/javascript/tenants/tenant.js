// Which client certificates a server name's tenant owns.

import { namesOf } from "@reprise/sdk";

/** What a tenant's certificates look like. Every rule that is given holds; of a rule's values, one has to match. */
export class Tenant {
  /** Reads `[settings.tenant."NAME"]`. */
  constructor(settings) {
    this.uriPrefixes = settings.all("uri-prefix");
    const open = this.uriPrefixes.find((prefix) => !prefix.endsWith("/"));
    // spiffe://a.example would let spiffe://a.example.evil in.
    if (open !== undefined) throw settings.invalid("uri-prefix", "a prefix that ends in `/`", `\`${open}\``);
    this.subjectSuffixes = settings.all("subject-suffix");
    if (this.subjectSuffixes.includes("")) {
      throw settings.invalid("subject-suffix", "the end of a name such as O=Example", "nothing");
    }
    this.issuers = settings.all("issuer");
  }

  /** Whether `certificate` is one of the tenant's. */
  owns(certificate) {
    const any = (values, matches) => values.length === 0 || values.some(matches);
    return (
      any(this.issuers, (issuer) => certificate.issuer === issuer) &&
      any(this.subjectSuffixes, (suffix) => endsInNames(certificate.subject, suffix)) &&
      any(this.uriPrefixes, (prefix) => namesOf(certificate, "uri").some((uri) => uri.startsWith(prefix)))
    );
  }
}

/** Whether the distinguished name `subject` ends in `suffix`, cut where one of its names ends: a comma within a value, which RFC
 * 2253 writes `\,`, is no such place. */
export function endsInNames(subject, suffix) {
  if (!subject.endsWith(suffix)) return false;
  const rest = subject.slice(0, subject.length - suffix.length);
  if (!rest.endsWith(",")) return rest === "";
  const [backslashes] = /\\*$/.exec(rest.slice(0, -1));
  return backslashes.length % 2 === 0;
}
