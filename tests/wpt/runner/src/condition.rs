/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The conditions of expectation files: `if multiprocess and os == "linux"`.

use std::collections::BTreeMap;

use thiserror::Error;

/// What a condition can ask about this run, by name.
pub type RunInfo = BTreeMap<String, Fact>;

/// The value of one name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fact {
    /// A yes-or-no question.
    Bool(bool),
    /// A name, such as that of the operating system.
    Text(String),
}

/// Why a condition has no answer.
#[derive(Debug, Error, Eq, PartialEq)]
pub enum ConditionError {
    /// The text is not an expression.
    #[error("{0:?} is not a condition")]
    Syntax(String),
    /// Nothing of that name is known of a run.
    #[error("nothing is known of {0:?}")]
    Unknown(String),
    /// A name was used as a question.
    #[error("{0:?} is not a yes-or-no question")]
    NotBool(String),
}

/// Whether a condition holds in this run.
///
/// # Errors
///
/// When the text is no expression of names, quoted texts, `==`, `!=`, `not`,
/// `and`, `or` and parentheses, or asks for a name that no run has.
pub fn holds(condition: &str, run: &RunInfo) -> Result<bool, ConditionError> {
    let syntax = || ConditionError::Syntax(condition.to_owned());
    let tokens = tokens(condition).ok_or_else(syntax)?;
    let mut evaluation = Evaluation {
        tokens: &tokens,
        run,
        condition,
    };
    let result = evaluation.either()?;
    if evaluation.tokens.is_empty() {
        Ok(result)
    } else {
        Err(syntax())
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Symbol(&'static str),
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let symbol = ["==", "!=", "(", ")"]
            .into_iter()
            .find(|symbol| rest.starts_with(symbol));
        if let Some(symbol) = symbol {
            tokens.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
        } else if first == '"' || first == '\'' {
            let end = rest[1..].find(first)? + 1;
            tokens.push(Token::Quoted(rest[1..end].to_owned()));
            rest = &rest[end + 1..];
        } else {
            let is_word = |character: char| character.is_alphanumeric() || character == '_';
            let end = rest
                .find(|character| !is_word(character))
                .unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Some(tokens)
}

struct Evaluation<'a> {
    tokens: &'a [Token],
    run: &'a RunInfo,
    condition: &'a str,
}

impl Evaluation<'_> {
    fn syntax(&self) -> ConditionError {
        ConditionError::Syntax(self.condition.to_owned())
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.first(), Some(Token::Word(first)) if first == word);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn either(&mut self) -> Result<bool, ConditionError> {
        let mut result = self.both()?;
        while self.take_word("or") {
            result |= self.both()?;
        }
        Ok(result)
    }

    fn both(&mut self) -> Result<bool, ConditionError> {
        let mut result = self.negated()?;
        while self.take_word("and") {
            result &= self.negated()?;
        }
        Ok(result)
    }

    fn negated(&mut self) -> Result<bool, ConditionError> {
        if self.take_word("not") {
            return Ok(!self.negated()?);
        }
        if self.tokens.first() == Some(&Token::Symbol("(")) {
            self.tokens = &self.tokens[1..];
            let result = self.either()?;
            let Some((Token::Symbol(")"), rest)) = self.tokens.split_first() else {
                return Err(self.syntax());
            };
            self.tokens = rest;
            return Ok(result);
        }
        let (left, name) = self.operand()?;
        let equal = match self.tokens.first() {
            Some(Token::Symbol("==")) => true,
            Some(Token::Symbol("!=")) => false,
            _ => {
                return match left {
                    Fact::Bool(answer) => Ok(answer),
                    Fact::Text(_) => Err(ConditionError::NotBool(name)),
                };
            }
        };
        self.tokens = &self.tokens[1..];
        let (right, _) = self.operand()?;
        Ok((left == right) == equal)
    }

    fn operand(&mut self) -> Result<(Fact, String), ConditionError> {
        let (token, rest) = self.tokens.split_first().ok_or_else(|| self.syntax())?;
        self.tokens = rest;
        match token {
            Token::Quoted(text) => Ok((Fact::Text(text.clone()), text.clone())),
            Token::Word(name) => match self.run.get(name) {
                Some(fact) => Ok((fact.clone(), name.clone())),
                None => Err(ConditionError::Unknown(name.clone())),
            },
            Token::Symbol(_) => Err(self.syntax()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> RunInfo {
        BTreeMap::from([
            ("multiprocess".to_owned(), Fact::Bool(true)),
            ("debug".to_owned(), Fact::Bool(false)),
            ("os".to_owned(), Fact::Text("linux".to_owned())),
        ])
    }

    #[test]
    fn conditions_are_answered_by_the_facts_of_the_run() {
        let check = |condition: &str, expected: bool| {
            assert_eq!(holds(condition, &run()), Ok(expected), "{condition}");
        };
        check("multiprocess", true);
        check("debug", false);
        check("not debug", true);
        check("os == 'linux'", true);
        check("os != \"linux\"", false);
        check("debug and multiprocess or os == \"linux\"", true);
        check("debug and (multiprocess or os == \"linux\")", false);
        check("not (debug or not multiprocess)", true);
    }

    #[test]
    fn a_condition_without_an_answer_is_an_error() {
        let unknown = ConditionError::Unknown("tablet".to_owned());
        assert_eq!(holds("debug or tablet", &run()), Err(unknown));
        let not_bool = ConditionError::NotBool("os".to_owned());
        assert_eq!(holds("os", &run()), Err(not_bool));
        for text in [
            "",
            "and",
            "(debug",
            "debug debug",
            "os ==",
            "os = 'x'",
            "'x",
            "debug)",
        ] {
            assert!(holds(text, &run()).is_err(), "{text:?}");
        }
    }
}
