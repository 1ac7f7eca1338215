/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn text(value: &str) -> Option<Value> {
    Some(Value::Text(value.to_owned()))
}

#[test]
fn a_file_in_wptrunners_form_is_read() {
    let file = Section::parse(concat!(
        "prefs: [a:true, \"b:[1, 2]\"]\n",
        "# why it fails\n",
        "[file.html?x=1]\n",
        "  expected: TIMEOUT # a slow one\n",
        "  [brackets [\\] and\\nlines\\x21]\n",
        "    expected:\n",
        "      if os == \"a:b\": PASS\n",
        "      if multiprocess: [PASS, FAIL]\n",
        "      FAIL\n",
        "\n",
        "[other.html]\n",
        "  disabled: not here yet\n",
    ))
    .unwrap();
    assert_eq!(
        file.entry("prefs").unwrap().default,
        Some(Value::List(vec!["a:true".into(), "b:[1, 2]".into()]))
    );
    let test = file.section("file.html?x=1").unwrap();
    assert_eq!(test.comments, ["why it fails"]);
    assert_eq!(test.entry("expected").unwrap().default, text("TIMEOUT"));
    let subtest = test.section("brackets [] and\nlines!").unwrap();
    let entry = subtest.entry("expected").unwrap();
    assert_eq!(
        entry.branches,
        [
            ("os == \"a:b\"".to_owned(), Value::Text("PASS".to_owned())),
            (
                "multiprocess".to_owned(),
                Value::List(vec!["PASS".into(), "FAIL".into()])
            ),
        ]
    );
    assert_eq!(entry.default, text("FAIL"));
    let other = file.section("other.html").unwrap();
    assert_eq!(
        other.entry("disabled").unwrap().default,
        text("not here yet")
    );
}

#[test]
fn a_malformed_file_is_refused_at_its_line() {
    let check = |file: &str, line: usize| {
        assert_eq!(Section::parse(file).expect_err(file).line, line, "{file:?}");
    };
    check("[open\n", 1);
    check("[a]\n  expected: PASS\n    stray: 1\n", 3);
    check("[a]\n  [b]\n    x: 1\n   y: 1\n", 4);
    check("[a]\n\texpected: PASS\n", 2);
    check("words\n", 1);
    check("[a]\n  expected:\n", 2);
    check("[a]\n  expected:\n    FAIL\n    if x: PASS\n", 4);
    check("[a]\n  expected:\n    if x PASS\n", 3);
    check("[a]\n  expected: [PASS\n", 2);
    check("[a]\n  expected: [PASS # FAIL]\n", 2);
    check("[a]\n  expected: [\"PASS\" FAIL]\n", 2);
    check("[a]\n  expected: \"PASS\n", 2);
    check("[a]\n  expected: \"PASS\" FAIL\n", 2);
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::Text),
        vec(any::<String>(), 0..4).prop_map(Value::List),
    ]
}

fn any_comments() -> impl Strategy<Value = Vec<String>> {
    vec("[a-z][a-z ]{0,8}[a-z]", 0..3)
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let branches = vec(("[a-z]{1,6}( == \"[a-z:']{0,4}\")?", any_value()), 0..3);
    (
        "[a-z][a-z-]{0,7}",
        any_comments(),
        branches,
        any_value(),
        any::<bool>(),
    )
        .prop_map(|(key, comments, branches, value, has_default)| Entry {
            key,
            comments,
            default: (has_default || branches.is_empty()).then_some(value),
            branches,
        })
}

fn any_section() -> impl Strategy<Value = Section> {
    let leaf = (any::<String>(), any_comments(), vec(any_entry(), 0..3)).prop_map(
        |(heading, comments, entries)| Section {
            heading,
            comments,
            entries,
            sections: Vec::new(),
        },
    );
    leaf.prop_recursive(3, 12, 3, |inner| {
        (
            any::<String>(),
            any_comments(),
            vec(any_entry(), 0..3),
            vec(inner, 0..3),
        )
            .prop_map(|(heading, comments, entries, sections)| Section {
                heading,
                comments,
                entries,
                sections,
            })
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_the_same(
        entries in vec(any_entry(), 0..3),
        sections in vec(any_section(), 0..4),
    ) {
        let file = Section { entries, sections, ..Section::default() };
        let printed = file.to_string();
        let parsed = Section::parse(&printed);
        prop_assert_eq!(parsed, Ok(file), "{}", printed);
    }

    #[test]
    fn no_text_makes_the_parser_fail_otherwise_than_by_an_error(text in "[\\[\\]a:#\"' \n\\\\xif]{0,60}") {
        let _ = Section::parse(&text);
    }
}
