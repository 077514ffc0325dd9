"""Which client certificates a server name's tenant owns."""

from dataclasses import dataclass

from reprise import Certificate, Settings


@dataclass(frozen=True)
class Tenant:
    """What a tenant's certificates look like. Every rule that is given holds; of a rule's values, one has to match."""

    issuers: list[str]
    subject_suffixes: list[str]
    uri_prefixes: list[str]

    @classmethod
    def read(cls, settings: Settings) -> "Tenant":
        """Reads `[settings.tenant."NAME"]`."""
        uri_prefixes = settings.all("uri-prefix")
        for prefix in uri_prefixes:
            # spiffe://a.example would let spiffe://a.example.evil in.
            if not prefix.endswith("/"):
                raise settings.invalid("uri-prefix", "a prefix that ends in `/`", f"`{prefix}`")
        subject_suffixes = settings.all("subject-suffix")
        if "" in subject_suffixes:
            raise settings.invalid("subject-suffix", "the end of a name such as O=Example", "nothing")
        return cls(settings.all("issuer"), subject_suffixes, uri_prefixes)

    def owns(self, certificate: Certificate) -> bool:
        """Whether `certificate` is one of the tenant's."""
        uris = [name for kind, name in certificate.alternative_names if kind == "uri"]
        return (
            (not self.issuers or certificate.issuer in self.issuers)
            and (not self.subject_suffixes or any(ends_in_names(certificate.subject, s) for s in self.subject_suffixes))
            and (not self.uri_prefixes or any(uri.startswith(tuple(self.uri_prefixes)) for uri in uris))
        )


def ends_in_names(subject: str, suffix: str) -> bool:
    """Whether the distinguished name `subject` ends in `suffix`, cut where one of its names ends: a comma within a value, which
    RFC 2253 writes `\\,`, is no such place."""
    if not subject.endswith(suffix):
        return False
    rest = subject.removesuffix(suffix)
    if not rest.endswith(","):
        return not rest
    before_comma = rest[:-1]
    return (len(before_comma) - len(before_comma.rstrip("\\"))) % 2 == 0
