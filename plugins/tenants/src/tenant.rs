//! Which client certificates a server name's tenant owns.

use reprise_sdk::{Certificate, Settings, SettingsError};

/// What a tenant's certificates look like. Every rule that is given holds; of a rule's values, one has to match.
#[derive(Debug, Default)]
pub struct Tenant {
    issuers: Vec<String>,
    subject_suffixes: Vec<String>,
    uri_prefixes: Vec<String>,
}

impl Tenant {
    /// Reads `[settings.tenant."NAME"]`.
    pub fn read(settings: &mut Settings) -> Result<Self, SettingsError> {
        let uri_prefixes: Vec<String> = settings.all("uri-prefix")?;
        if let Some(open) = uri_prefixes.iter().find(|prefix| !prefix.ends_with('/')) {
            // spiffe://a.example would let spiffe://a.example.evil in.
            return Err(settings.invalid("uri-prefix", "a prefix that ends in `/`", format!("`{open}`")));
        }
        let subject_suffixes: Vec<String> = settings.all("subject-suffix")?;
        if subject_suffixes.iter().any(String::is_empty) {
            return Err(settings.invalid("subject-suffix", "the end of a name such as O=Example", "nothing"));
        }
        Ok(Self { issuers: settings.all("issuer")?, subject_suffixes, uri_prefixes })
    }

    /// Whether `certificate` is one of the tenant's.
    pub fn owns(&self, certificate: &Certificate) -> bool {
        let any = |values: &[String], matches: &dyn Fn(&str) -> bool| {
            values.is_empty() || values.iter().any(|value| matches(value))
        };
        any(&self.issuers, &|issuer| certificate.issuer == issuer)
            && any(&self.subject_suffixes, &|suffix| ends_in_names(&certificate.subject, suffix))
            && any(&self.uri_prefixes, &|prefix| certificate.names("uri").any(|uri| uri.starts_with(prefix)))
    }
}

/// Whether the distinguished name `subject` ends in `suffix`, cut where one of its names ends: a comma within a value, which RFC
/// 2253 writes `\,`, is no such place.
fn ends_in_names(subject: &str, suffix: &str) -> bool {
    let Some(rest) = subject.strip_suffix(suffix) else { return false };
    let Some(before_comma) = rest.strip_suffix(',') else { return rest.is_empty() };
    let backslashes = before_comma.bytes().rev().take_while(|byte| *byte == b'\\').count();
    backslashes % 2 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_sdk::testing::certificate;

    fn tenant(settings: &[(&str, &str)]) -> Result<Tenant, SettingsError> {
        Settings::new(settings.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
            .read(Tenant::read)
    }

    #[test]
    fn a_subject_ends_in_whole_names() {
        for (subject, ends) in [
            ("O=A,C=DE", true),
            ("CN=x,O=A,C=DE", true),
            (r"CN=x\\,O=A,C=DE", true),
            ("CN=x+OU=y,O=A,C=DE", true),
            ("CN=xO=A,C=DE", false),
            ("CO=A,C=DE", false),
            (r"CN=x\,O=A,C=DE", false),
            (r"CN=x\\\,O=A,C=DE", false),
            ("CN=x,O=A,C=DE,C=FR", false),
            ("C=DE", false),
            ("", false),
        ] {
            assert_eq!(ends_in_names(subject, "O=A,C=DE"), ends, "{subject}");
        }
    }

    #[test]
    fn every_rule_holds_and_one_of_its_values_suffices() {
        let mut certificate = certificate();
        certificate.alternative_names = vec![("uri".into(), "spiffe://a.example/web".into())];
        let issuer = ("issuer", "CN=Client CA,O=Example");
        let subject = ("subject-suffix", "O=Example");
        let uri = ("uri-prefix", "spiffe://a.example/");
        for rules in [&[issuer][..], &[subject], &[uri], &[issuer, subject, uri], &[("issuer", "CN=Other"), issuer]] {
            assert!(tenant(rules).unwrap().owns(&certificate), "{rules:?}");
        }
        for wrong in [("issuer", "CN=Client CA"), ("subject-suffix", "O=Other"), ("uri-prefix", "spiffe://b.example/")]
        {
            assert!(!tenant(&[wrong]).unwrap().owns(&certificate), "{wrong:?}");
        }
        let one_of_two = [issuer, ("subject-suffix", "O=Other")];
        assert!(!tenant(&one_of_two).unwrap().owns(&certificate));
    }

    #[test]
    fn a_prefix_counts_for_uris_only() {
        let mut certificate = certificate();
        certificate.alternative_names = vec![("dns".into(), "spiffe://a.example/web".into())];
        assert!(!tenant(&[("uri-prefix", "spiffe://a.example/")]).unwrap().owns(&certificate));
    }

    #[test]
    fn rules_that_match_more_than_they_seem_to_are_errors() {
        assert!(tenant(&[("uri-prefix", "spiffe://a.example")]).is_err());
        assert!(tenant(&[("subject-suffix", "")]).is_err());
    }
}
