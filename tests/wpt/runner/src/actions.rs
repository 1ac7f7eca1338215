/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a test asks of the runner through testdriver: input and settings that
//! a page cannot make itself. Input goes through WebDriver, so its events are
//! trusted.

use fantoccini::Client;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::browser::SessionCommand;

/// One entry of the page's queue.
#[derive(Debug, Deserialize)]
pub struct Request {
    /// By which the page knows its promise.
    pub id: u64,
    /// Which action.
    pub action: String,
    /// Its parameters.
    #[serde(default)]
    pub parameters: Value,
}

/// Carries an action out; the result is for the page.
///
/// # Errors
///
/// With a message for the page, when the browser refuses or the action is
/// not one that the runner has.
pub async fn perform(client: &Client, request: &Request) -> Result<Value, String> {
    let commands = commands(&request.action, &request.parameters)?;
    let mut result = Value::Null;
    for command in commands {
        let what = command.path;
        result = client
            .issue_cmd(command)
            .await
            .map_err(|error| format!("WebDriver refused {what}: {error}"))?;
    }
    Ok(result)
}

/// The WebDriver commands of an action; the last one's result is the action's.
fn commands(action: &str, parameters: &Value) -> Result<Vec<SessionCommand>, String> {
    let post = |path, body| SessionCommand {
        method: Method::POST,
        path,
        body: Some(body),
    };
    let release = || SessionCommand {
        method: Method::DELETE,
        path: "actions",
        body: None,
    };
    Ok(match action {
        "click" => vec![
            post("actions", json!({"actions": [click(parameters)?]})),
            release(),
        ],
        "send_keys" => vec![
            post("actions", json!({"actions": [typing(parameters)?]})),
            release(),
        ],
        "action_sequence" => vec![
            post(
                "actions",
                json!({"actions": member(parameters, "actions")?}),
            ),
            release(),
        ],
        "set_permission" => vec![post("permissions", parameters.clone())],
        "delete_all_cookies" => vec![SessionCommand {
            method: Method::DELETE,
            path: "cookie",
            body: None,
        }],
        "get_window_rect" => vec![SessionCommand {
            method: Method::GET,
            path: "window/rect",
            body: None,
        }],
        "set_window_rect" => vec![post("window/rect", parameters.clone())],
        "minimize_window" => vec![post("window/minimize", json!({}))],
        other => return Err(format!("wpt-run has no action {other:?}")),
    })
}

fn member<'a>(parameters: &'a Value, name: &str) -> Result<&'a Value, String> {
    parameters
        .get(name)
        .ok_or_else(|| format!("the action needs {name:?}, found {parameters}"))
}

fn click(parameters: &Value) -> Result<Value, String> {
    let (x, y) = (member(parameters, "x")?, member(parameters, "y")?);
    Ok(json!({
        "type": "pointer",
        "id": "wptrun-mouse",
        "parameters": {"pointerType": "mouse"},
        "actions": [
            {"type": "pointerMove", "duration": 0, "origin": "viewport", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ],
    }))
}

fn typing(parameters: &Value) -> Result<Value, String> {
    let keys = member(parameters, "keys")?
        .as_str()
        .ok_or("keys are a string")?;
    let actions: Vec<Value> = keys
        .chars()
        .flat_map(|key| {
            let key = key.to_string();
            [
                json!({"type": "keyDown", "value": key}),
                json!({"type": "keyUp", "value": key}),
            ]
        })
        .collect();
    Ok(json!({"type": "key", "id": "wptrun-keyboard", "actions": actions}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_presses_and_releases_at_the_point() {
        let commands = commands("click", &json!({"x": 3, "y": 4})).unwrap();
        let paths: Vec<&str> = commands.iter().map(|command| command.path).collect();
        assert_eq!(paths, ["actions", "actions"]);
        let body = commands[0].body.as_ref().unwrap();
        let steps = &body["actions"][0]["actions"];
        assert_eq!(steps[0]["x"], 3);
        assert_eq!(steps[0]["y"], 4);
        assert_eq!(steps[1]["type"], "pointerDown");
        assert_eq!(steps[2]["type"], "pointerUp");
        assert_eq!(commands[1].method, Method::DELETE);
    }

    #[test]
    fn typing_presses_and_releases_each_key() {
        let commands = commands("send_keys", &json!({"keys": "aé"})).unwrap();
        let steps = commands[0].body.as_ref().unwrap()["actions"][0]["actions"].clone();
        assert_eq!(
            steps,
            json!([
                {"type": "keyDown", "value": "a"},
                {"type": "keyUp", "value": "a"},
                {"type": "keyDown", "value": "é"},
                {"type": "keyUp", "value": "é"},
            ])
        );
    }

    #[test]
    fn what_cannot_be_done_is_said_to_the_page() {
        let error = commands("generate_test_report", &Value::Null).unwrap_err();
        assert!(error.contains("generate_test_report"), "{error}");
        assert!(commands("click", &json!({"x": 3})).is_err());
        assert!(commands("send_keys", &json!({"keys": 1})).is_err());
    }
}
