use super::*;
use crate::client::FieldError;

fn read(files: &[(&str, &str)]) -> Result<Documents, DocumentsError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Documents::read(&[folder.path().to_owned()])
}

/// What is said of a single file, without its folder.
fn refused(text: &str) -> String {
    let Err(refused) = read(&[("a.yaml", text)]) else {
        panic!("this was taken: {text}");
    };
    let refused = refused.to_string();
    let (_, said) = refused.split_once("a.yaml").unwrap();
    said.to_owned()
}

#[test]
fn several_files_and_folders_are_read_in_the_order_of_their_names() {
    let documents = read(&[
        ("b.yml", "policies:\n- name: gold\n"),
        ("a.yaml", "# nothing but a remark\n"),
        ("teams/orders.yaml", "clients:\n- name: Acme\n"),
        ("teams/.hidden.yaml", "clients: 7"),
        (
            "teams/more.json",
            r#"{"clients": [{"name": "Zenith", "enabled": false}]}"#,
        ),
        ("read.me", "clients: 7"),
    ])
    .unwrap();
    let names = |it: &Documents| -> Vec<String> {
        let clients = it.configuration.clients.iter().flatten();
        clients
            .map(|client| client.name.as_str().to_owned())
            .collect()
    };
    assert_eq!(names(&documents), ["Zenith", "Acme"]);
    assert_eq!(documents.configuration.policies.unwrap().len(), 1);
    assert!(documents.configuration.collections.is_none());
}

#[test]
fn numbers_and_words_that_yaml_would_read_as_something_else_are_names() {
    let text = "collections:\n- {name: 007, version: 1.10, endpoints: [{method: GET, path: /}]}\n\
                clients:\n- name: no\n";
    let documents = read(&[("a.yaml", text)]).unwrap();
    let collections = documents.configuration.collections.unwrap();
    assert_eq!(collections[0].name.as_str(), "007");
    assert_eq!(collections[0].version.as_str(), "1.10");
    let clients = documents.configuration.clients.unwrap();
    assert_eq!(clients[0].name.as_str(), "no");
}

#[test]
fn a_mistake_is_told_with_its_file_its_line_and_its_field() {
    for (text, said) in [
        (
            "clients:\n- name: Acme\n  enabled: perhaps\n",
            ":3:12: /clients/0/enabled: ",
        ),
        (
            "clients:\n- name: Acme\n  colour: red\n",
            ":3:3: /clients/0/colour: unknown field `colour`",
        ),
        (
            "clients:\n- description: nobody\n",
            "/clients/0/name: missing field `name`",
        ),
        ("clients:\n- name: Acme\n  name: Acme\n", ":3:3"),
        ("- name: Acme\n", ":1:1: "),
        (
            "version: 2\n",
            ":1:10: /version: the form of a configuration is 1",
        ),
        ("clients: [\n", ":1:10: /clients: unclosed bracket"),
    ] {
        let refused = refused(text);
        assert!(refused.contains(said), "{text}: {refused}");
    }
}

#[test]
fn what_may_be_a_secret_is_not_repeated() {
    let text = "clients:\n- name: a\n  access_profiles:\n  - name: b\n    collections: [c]\n    jwt:\n      \
                algorithm: HS256\n      secret: hunter2-hunter2\n";
    let refused = refused(text);
    assert!(
        refused.contains("/clients/0/access_profiles/0/jwt/secret"),
        "{refused}"
    );
    assert!(!refused.contains("hunter2"), "{refused}");
}

#[test]
fn aliases_that_multiply_without_end_are_refused() {
    let mut bomb = "clients:\n- name: a\n  description: &a0 lol\n".to_owned();
    bomb.push_str("  access_profiles: &b0 [*a0, *a0, *a0, *a0, *a0, *a0, *a0, *a0, *a0, *a0]\n");
    for level in 1..9 {
        let before = format!("*b{}", level - 1);
        let ten = vec![before; 10].join(", ");
        bomb.push_str(&format!("- &b{level} [{ten}]\n"));
    }
    assert!(!refused(&bomb).is_empty());
}

#[test]
fn an_alias_stands_for_what_it_names() {
    let text = "clients:\n- name: a\n  access_profiles:\n  - {name: b, collections: &all [orders]}\n  \
                - {name: c, collections: *all}\n";
    let documents = read(&[("a.yaml", text)]).unwrap();
    let clients = documents.configuration.clients.unwrap();
    let profiles = clients[0].access_profiles.as_ref().unwrap();
    assert_eq!(profiles[0].collections, profiles[1].collections);
}

#[test]
fn what_the_control_plane_refuses_is_found_again_in_its_file() {
    let documents = read(&[
        ("a.yaml", "clients:\n- name: one\n"),
        ("b.yaml", "clients:\n- name: two\n- name: three\n  access_profiles:\n  - name: p\n    addresses:\n      allow:\n      - 10.0.0.0/8\n      - 10.0.0.0/33\n    collections: [x]\n"),
    ])
    .unwrap();
    let error = |pointer: &str| FieldError {
        pointer: pointer.into(),
        detail: "no".into(),
    };
    let problem = Problem {
        errors: vec![
            error("/configuration/clients/2/access_profiles/0/addresses/allow/1"),
            error("/configuration/clients/2/access_profiles/0/policy"),
            error("/prune"),
        ],
        ..Problem::default()
    };
    let told = documents.mistakes(&problem).unwrap().to_string();
    let lines: Vec<_> = told.lines().collect();
    assert!(
        lines[0].ends_with("b.yaml:9:9: /clients/1/access_profiles/0/addresses/allow/1: no"),
        "{told}"
    );
    // What is absent is said to be missing from what is there.
    assert!(
        lines[1].ends_with("b.yaml:5:5: /clients/1/access_profiles/0/policy: no"),
        "{told}"
    );
    assert_eq!(lines[2], "/prune: no");
}
