//! What the documents say that can be held against the code.

use portcullis_engine::api_key;

const CREDENTIALS: &str = include_str!("../../../../docs/credentials.md");
const GATEWAYS: &str = include_str!("../../../../docs/gateways.md");

#[test]
fn the_documented_pattern_of_keys_is_that_of_the_code() {
    let line = format!("\n{}\n", api_key::PATTERN);
    assert!(CREDENTIALS.contains(&line), "{line}");
}

#[test]
fn the_documented_examples_are_json() {
    let mut examples = 0;
    let blocks = |document: &'static str| document.split("```json\n").skip(1);
    for block in blocks(CREDENTIALS).chain(blocks(GATEWAYS)) {
        let block = block.split("```").next().unwrap();
        // Where it says which request it belongs to, in its first line.
        let json = block
            .strip_prefix("POST ")
            .map_or(block, |request| request.split_once('\n').unwrap().1);
        serde_json::from_str::<serde_json::Value>(json).unwrap();
        examples += 1;
    }
    assert!(examples >= 10, "{examples}");
}
