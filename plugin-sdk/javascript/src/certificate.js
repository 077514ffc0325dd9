// What a certificate can be asked.

export function isValidAt(certificate, now) {
  return certificate.notBefore <= now && now <= certificate.notAfter;
}

export function namesOf(certificate, kind) {
  return certificate.alternativeNames.filter(([other]) => other === kind).map(([, name]) => name);
}
