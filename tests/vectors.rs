//! Facts about the real brokers as test vectors, through the engines' public functions.

#[path = "vector_kinds/rabbit.rs"]
mod rabbit;

use serde_json::Value;

#[test]
fn rabbitmq() {
    let all: Value = serde_json::from_str(include_str!("vectors/rabbitmq.json")).expect("JSON");
    let kinds = all["kinds"].as_object().expect("kinds are by name");
    let mut failed = Vec::new();
    let mut passed = 0;
    for (kind, content) in kinds.iter().filter(|(kind, _)| !rabbit::NOT_YET.contains(&&***kind)) {
        for entry in content["entries"].as_array().expect("entries are a list") {
            match rabbit::run(kind, entry) {
                Ok(()) => passed += 1,
                Err(error) => failed.push(format!("{kind} {}: {error}", entry["id"])),
            }
        }
    }
    assert!(failed.is_empty(), "{passed} passed, {} failed:\n{}", failed.len(), failed.join("\n"));
}
