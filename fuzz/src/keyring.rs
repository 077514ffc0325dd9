use reprise::fuzzing::KeyringFile;

/// A keyring's file: what is taken has keys, what is not is refused with the file, in lines that show no secret.
pub fn keyring(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match KeyringFile::parse("ring".as_ref(), text) {
        Ok(file) => assert!(!file.keys().expect("they were derived before").is_empty()),
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains("ring"), "{error:?}");
            let shown = text.split_whitespace().filter(|word| word.len() >= 64 && error.contains(word));
            assert_eq!(shown.count(), 0, "a secret is shown in {error:?}");
            assert!(!error.contains(char::is_control), "{error:?}");
        }
    }
}
