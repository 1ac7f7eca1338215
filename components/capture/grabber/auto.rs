/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Which grabber serves, by what was asked for and what works here.

use super::synthetic::SyntheticLayout;
use super::xcap::XcapGrabber;
use super::{BackendChoice, GrabError, Grabber, StallObserver};

/// What the surroundings tell of the display server.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Environment {
    /// `DISPLAY`, unless empty: the name of an X server.
    pub display: Option<String>,
    /// `WAYLAND_DISPLAY` is set, or `XDG_SESSION_TYPE` is `wayland`.
    pub is_wayland_session: bool,
    /// This system shows its windows through X11 or Wayland. On others the
    /// system itself is the display server.
    pub has_x11: bool,
}

impl Environment {
    /// Of this process.
    pub fn current() -> Self {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            display: set("DISPLAY"),
            is_wayland_session: set("WAYLAND_DISPLAY").is_some()
                || set("XDG_SESSION_TYPE").as_deref() == Some("wayland"),
            has_x11: cfg!(target_os = "linux"),
        }
    }
}

/// A backend that reads pixels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Backend {
    /// See [`BackendChoice::X11`].
    X11,
    /// See [`BackendChoice::Xcap`].
    Xcap,
    /// See [`BackendChoice::Synthetic`].
    Synthetic,
}

/// Which indicator people can see where a backend captures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IndicatorKind {
    /// A window on each monitor of the X server.
    X11,
    /// Drawn into the synthetic pictures.
    Synthetic,
    /// None: capture must not start.
    Unavailable,
}

/// A grabber that is ready.
pub struct Chosen {
    /// The grabber.
    pub grabber: Box<dyn Grabber>,
    /// Which one it is.
    pub backend: Backend,
    /// Which one and why, for people.
    pub explanation: String,
}

/// Connects to what `choice` asks for in the environment of this process, and
/// tells `observer` when it stalls.
///
/// # Errors
/// [`GrabError::NoDisplayServer`] when that does not work here. A display that
/// the environment names and that cannot be reached is an error, never a
/// reason for synthetic monitors.
pub fn connect(choice: BackendChoice, observer: &StallObserver) -> Result<Chosen, GrabError> {
    let mut connector = SystemConnector { observer };
    connect_with(choice, &Environment::current(), &mut connector)
}

/// The indicator for a choice: where there is an X server, a strip in its
/// windows; where nothing can be drawn above the captured windows, none.
pub fn effective(choice: BackendChoice, environment: &Environment) -> IndicatorKind {
    let of_display = if environment.has_x11 && environment.display.is_some() {
        IndicatorKind::X11
    } else {
        IndicatorKind::Unavailable
    };
    match choice {
        BackendChoice::Synthetic => IndicatorKind::Synthetic,
        BackendChoice::Auto if has_no_display(environment) => IndicatorKind::Synthetic,
        BackendChoice::Auto | BackendChoice::X11 | BackendChoice::Xcap => of_display,
    }
}

/// No variable names a display server on a system that has them.
fn has_no_display(environment: &Environment) -> bool {
    environment.has_x11 && environment.display.is_none() && !environment.is_wayland_session
}

/// An X server that was reached.
struct ReachedX11 {
    grabber: Box<dyn Grabber>,
    is_xwayland: bool,
}

/// What reaches display servers; tests have their own.
trait Connector {
    fn x11(&mut self, display: &str) -> Result<ReachedX11, GrabError>;
    fn xcap(&mut self) -> Result<Box<dyn Grabber>, GrabError>;
}

struct SystemConnector<'a> {
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only an X server can stall")
    )]
    observer: &'a StallObserver,
}

impl Connector for SystemConnector<'_> {
    #[cfg(target_os = "linux")]
    fn x11(&mut self, display: &str) -> Result<ReachedX11, GrabError> {
        let grabber = super::x11::X11Grabber::connect(display, self.observer)?;
        Ok(ReachedX11 {
            is_xwayland: grabber.is_xwayland(),
            grabber: Box::new(grabber),
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn x11(&mut self, _display: &str) -> Result<ReachedX11, GrabError> {
        Err(GrabError::NoDisplayServer(
            "capturing X11 is only built for Linux".to_owned(),
        ))
    }

    fn xcap(&mut self) -> Result<Box<dyn Grabber>, GrabError> {
        Ok(Box::new(XcapGrabber::connect()?))
    }
}

fn connect_with(
    choice: BackendChoice,
    environment: &Environment,
    connector: &mut dyn Connector,
) -> Result<Chosen, GrabError> {
    let display = environment.display.as_deref();
    match choice {
        BackendChoice::X11 => {
            let display = display.ok_or_else(|| {
                GrabError::NoDisplayServer(
                    "the capture backend x11 needs the environment variable DISPLAY".to_owned(),
                )
            })?;
            let reached = connector.x11(display)?;
            Ok(chosen(reached.grabber, Backend::X11, "as asked for"))
        }
        BackendChoice::Xcap => {
            let grabber = connector.xcap()?;
            Ok(chosen(grabber, Backend::Xcap, "as asked for"))
        }
        BackendChoice::Synthetic => choose_synthetic("as asked for"),
        BackendChoice::Auto if has_no_display(environment) => {
            choose_synthetic("no display server: synthetic monitors")
        }
        BackendChoice::Auto => choose_real(environment, connector),
    }
}

/// There is a display server: X11 itself where it has the picture, otherwise
/// what `xcap` knows.
fn choose_real(
    environment: &Environment,
    connector: &mut dyn Connector,
) -> Result<Chosen, GrabError> {
    let reason = match environment.display.as_deref() {
        _ if !environment.has_x11 => "the portable library serves this system",
        None => "a Wayland session without an X server",
        Some(display) => match connector.x11(display) {
            Ok(reached) if !reached.is_xwayland => {
                return Ok(chosen(
                    reached.grabber,
                    Backend::X11,
                    "DISPLAY names an X server",
                ));
            }
            Ok(_) => "DISPLAY names an X server that has only windows of a Wayland session",
            Err(error) if !environment.is_wayland_session => return Err(error),
            Err(_) => "a Wayland session whose X server cannot be reached",
        },
    };
    Ok(chosen(connector.xcap()?, Backend::Xcap, reason))
}

fn choose_synthetic(reason: &str) -> Result<Chosen, GrabError> {
    Ok(chosen(
        Box::new(SyntheticLayout::of_this_process().connect()?),
        Backend::Synthetic,
        reason,
    ))
}

fn chosen(grabber: Box<dyn Grabber>, backend: Backend, reason: &str) -> Chosen {
    let explanation = format!("using {}, because: {reason}", grabber.describe());
    Chosen {
        grabber,
        backend,
        explanation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Display servers that exist only in a test; their grabbers are synthetic.
    #[derive(Default)]
    struct FakeServers {
        x11: bool,
        is_xwayland: bool,
        xcap: bool,
    }

    impl Connector for FakeServers {
        fn x11(&mut self, display: &str) -> Result<ReachedX11, GrabError> {
            if !self.x11 {
                return Err(GrabError::NoDisplayServer(format!("no {display}")));
            }
            Ok(ReachedX11 {
                grabber: Box::new(SyntheticLayout::of_this_process().connect()?),
                is_xwayland: self.is_xwayland,
            })
        }

        fn xcap(&mut self) -> Result<Box<dyn Grabber>, GrabError> {
            if !self.xcap {
                return Err(GrabError::NoDisplayServer("xcap finds nothing".to_owned()));
            }
            Ok(Box::new(SyntheticLayout::of_this_process().connect()?))
        }
    }

    const ALL: FakeServers = FakeServers {
        x11: true,
        is_xwayland: false,
        xcap: true,
    };

    fn environment(display: Option<&str>, is_wayland_session: bool) -> Environment {
        Environment {
            display: display.map(str::to_owned),
            is_wayland_session,
            has_x11: true,
        }
    }

    fn check(
        choice: BackendChoice,
        environment: Environment,
        mut servers: FakeServers,
        expected: Result<(Backend, &str), &str>,
    ) {
        match (connect_with(choice, &environment, &mut servers), expected) {
            (Ok(chosen), Ok((backend, words))) => {
                assert_eq!(chosen.backend, backend);
                assert!(chosen.explanation.contains(words), "{}", chosen.explanation);
            }
            (Err(error), Err(words)) => {
                assert!(matches!(error, GrabError::NoDisplayServer(_)), "{error:?}");
                assert!(error.to_string().contains(words), "{error}");
            }
            (Ok(chosen), Err(words)) => panic!("{}, expected {words}", chosen.explanation),
            (Err(error), Ok(backend)) => panic!("{error}, expected {backend:?}"),
        }
    }

    #[test]
    fn auto_takes_x11_where_it_answers() {
        let auto = BackendChoice::Auto;
        let x11 = Ok((Backend::X11, "DISPLAY names an X server"));
        check(auto, environment(Some(":7"), false), ALL, x11);
        // A nested X server inside a Wayland session has a picture of its own.
        check(auto, environment(Some(":7"), true), ALL, x11);
    }

    #[test]
    fn auto_never_falls_from_a_named_display_to_synthetic_monitors() {
        let none = FakeServers::default;
        let auto = BackendChoice::Auto;
        check(auto, environment(Some(":7"), false), none(), Err("no :7"));
        check(
            auto,
            environment(Some(":7"), true),
            none(),
            Err("xcap finds nothing"),
        );
        check(
            auto,
            environment(None, true),
            none(),
            Err("xcap finds nothing"),
        );
    }

    #[test]
    fn auto_leaves_wayland_and_other_systems_to_xcap() {
        let auto = BackendChoice::Auto;
        let wayland = || FakeServers {
            is_xwayland: true,
            ..ALL
        };
        let expected = |words| Ok((Backend::Xcap, words));
        check(
            auto,
            environment(Some(":0"), true),
            wayland(),
            expected("only windows of a Wayland"),
        );
        check(
            auto,
            environment(None, true),
            ALL,
            expected("without an X server"),
        );
        let elsewhere = Environment::default();
        check(auto, elsewhere, ALL, expected("serves this system"));
    }

    #[test]
    fn without_a_display_variable_auto_says_that_monitors_are_synthetic() {
        let expected = Ok((Backend::Synthetic, "no display server: synthetic monitors"));
        check(BackendChoice::Auto, environment(None, false), ALL, expected);
    }

    #[test]
    fn what_is_asked_for_by_name_is_taken_or_fails() {
        let here = || environment(Some(":7"), false);
        check(
            BackendChoice::X11,
            here(),
            ALL,
            Ok((Backend::X11, "as asked for")),
        );
        check(
            BackendChoice::Xcap,
            here(),
            ALL,
            Ok((Backend::Xcap, "as asked for")),
        );
        check(
            BackendChoice::Synthetic,
            here(),
            ALL,
            Ok((Backend::Synthetic, "as asked for")),
        );
        check(
            BackendChoice::X11,
            environment(None, true),
            ALL,
            Err("DISPLAY"),
        );
        check(
            BackendChoice::X11,
            here(),
            FakeServers::default(),
            Err("no :7"),
        );
        check(
            BackendChoice::Xcap,
            here(),
            FakeServers::default(),
            Err("xcap finds nothing"),
        );
    }

    #[test]
    fn the_indicator_is_where_the_captured_windows_are() {
        use BackendChoice::{Auto, Synthetic, X11, Xcap};
        let display = environment(Some(":7"), false);
        for choice in [Auto, X11, Xcap] {
            assert_eq!(effective(choice, &display), IndicatorKind::X11, "{choice}");
        }
        assert_eq!(effective(Synthetic, &display), IndicatorKind::Synthetic);
        let nothing = environment(None, false);
        assert_eq!(effective(Auto, &nothing), IndicatorKind::Synthetic);
        assert_eq!(effective(Xcap, &nothing), IndicatorKind::Unavailable);
        assert_eq!(effective(X11, &nothing), IndicatorKind::Unavailable);
        let wayland = environment(None, true);
        assert_eq!(effective(Auto, &wayland), IndicatorKind::Unavailable);
        let elsewhere = Environment::default();
        assert_eq!(effective(Auto, &elsewhere), IndicatorKind::Unavailable);
    }
}
