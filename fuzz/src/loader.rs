use std::{path::Path, sync::LazyLock, time::Duration};

use reprise::policy::{
    Budget, Candidate, Chain, GetDecision, Manifest, NewDecision, Notes, Runtime, RuntimeOptions, wit::types::Removal,
};
use reprise::session::SessionId;

use crate::{
    is_one_line,
    verdicts::{connection, session},
};

/// The loader: bytes become a policy, which then decides, or an error in one line.
pub fn loader(module: &[u8]) {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let start = Duration::from_millis(100);
        let options = RuntimeOptions { instances: 1, policies: 2, start, ..RuntimeOptions::default() };
        Runtime::new(options).expect("wasmtime works here")
    });
    let manifest = Manifest::default();
    let (file, name) = (Path::new("10-fuzzed.wasm"), "fuzzed");
    let policy = match RUNTIME.load(Candidate { file, name, generation: 1, module, manifest: &manifest }) {
        Ok(policy) => policy,
        Err(rejection) => {
            let text = rejection.to_string();
            assert!(is_one_line(&text), "{text:?}");
            return assert!(text.contains("10-fuzzed.wasm") && !rejection.hint.is_empty(), "{text}");
        }
    };
    let chain = Chain::new(vec![policy]);
    let budget = || Budget::new(Duration::from_millis(20));
    let (connection, session, notes) = (connection(), session(Vec::from([7; 32])), Notes::new());
    let (decision, _) = chain.decide_new(&mut budget(), &connection, &session, &notes);
    if let NewDecision::Keep(terms) = decision {
        assert_ne!(terms.lifetime, Some(0), "that is a refusal");
        assert!(terms.notes.iter().all(|(policy, note)| policy == name && note.len() <= 1_024));
    }
    let (decision, asked) = chain.decide_get(&mut budget(), &connection, &session, &notes);
    assert_eq!(asked.len(), 1);
    if let GetDecision::FullHandshake(objection) = decision {
        assert_eq!(&*objection.policy, name);
    }
    chain.decide_remove(&mut budget(), &SessionId::from([7; 32]), Some((&session, &notes)), Removal::Unknown);
}
