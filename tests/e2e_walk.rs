//! The operator's walk in the documentation, executed as it is written.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

use std::path::Path;
use std::process::Command;

use portcullis_tests::Play;
use xtask::workspace;

/// What the first commands of the page settle, and a test settles otherwise.
const SETTLED: [&str; 3] = ["PORTCULLIS_SERVER", "PORTCULLIS_TOKEN", "GATEWAY"];

/// What stands between the outputs of two steps.
const MARK: &str = "\u{1e}";

/// Commands with what they print.
#[derive(Debug)]
struct Step {
    commands: String,
    prints: String,
}

/// The steps of a page in Markdown: its blocks of commands, each with the block of text that follows it at once.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in page.split("```").skip(1).step_by(2) {
        let (language, text) = block.split_once('\n').unwrap();
        match language {
            "sh" => steps.push(Step {
                commands: text.to_owned(),
                prints: String::new(),
            }),
            "text" => text.clone_into(&mut steps.last_mut().unwrap().prints),
            other => unreachable!("a block in `{other}`, which nobody executes"),
        }
    }
    steps
}

/// Whether a text is what was expected, in which a line of `…` stands for any lines, and `…` in a line for any part of it.
fn fits(expected: &[&str], lines: &[&str]) -> bool {
    match expected {
        [] => lines.is_empty(),
        ["…", rest @ ..] => (0..=lines.len()).any(|skipped| fits(rest, &lines[skipped..])),
        [first, rest @ ..] => lines
            .split_first()
            .is_some_and(|(line, lines)| line_fits(first, line) && fits(rest, lines)),
    }
}

fn line_fits(expected: &str, line: &str) -> bool {
    match expected.split_once('…') {
        None => expected == line,
        Some((begin, rest)) => line
            .strip_prefix(begin)
            .is_some_and(|line| suffixes(line).any(|end| line_fits(rest, end))),
    }
}

fn suffixes(line: &str) -> impl Iterator<Item = &str> {
    let starts = line.char_indices().map(|(at, _)| at);
    starts.chain([line.len()]).map(|at| &line[at..])
}

#[test]
fn the_walk_goes_as_it_is_written() {
    let page = std::fs::read_to_string(workspace::root().join("docs/walk.md")).unwrap();
    let mut steps = steps(&page);
    let settings = steps.remove(0).commands;
    for (line, name) in settings.lines().zip(SETTLED) {
        let line = line.trim_start_matches("export ");
        assert!(line.starts_with(&format!("{name}=")), "{line}");
    }
    assert_eq!(settings.lines().count(), SETTLED.len());
    let script: String = steps
        .iter()
        .flat_map(|step| [&step.commands, "printf '", MARK, "'\n"])
        .collect();

    let play = Play::begin(2).unwrap();
    let parts = xtask::stage::Parts::from_environment().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let programs = parts.control_plane.parent().unwrap_or(Path::new("."));
    let path = std::env::var("PATH").unwrap();
    let done = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &format!("exec 2>&1\n{script}")])
        .current_dir(folder.path())
        .env("PATH", format!("{}:{path}", programs.display()))
        .env(
            SETTLED[0],
            format!("http://{}", play.control_plane.address()),
        )
        .env(SETTLED[1], &play.control_plane.tokens().operator)
        .env(
            SETTLED[2],
            format!("http://{}", play.envoy.gateway().unwrap()),
        )
        .output()
        .unwrap();
    let printed = String::from_utf8(done.stdout).unwrap();
    let mut outputs = printed.split(MARK);
    for step in &steps {
        let output = outputs.next().unwrap_or_default();
        let expected: Vec<&str> = step.prints.lines().collect();
        let lines: Vec<&str> = output.lines().collect();
        assert!(
            fits(&expected, &lines),
            "{}printed:\n{output}\nand not:\n{}",
            step.commands,
            step.prints
        );
    }
    assert!(done.status.success(), "{}: {printed}", done.status);
}
