//! Both sides of the opening handshake.

use core::fmt::Write as _;

use barews::handshake::client::{Accepted, Handshake, Response, Uri};
use barews::handshake::deflate::{self, DeflateConfig, DeflateOffer, WindowBits};
use barews::handshake::key::Key;
use barews::handshake::server::{self, Fields, HttpVersion, Incoming, Origins, RequestReader, Upgrade};
use barews::handshake::{BuildError, Error, HeaderFields, Limits, Status, extension};

use crate::opaque::{Sink, any, bytes, flag, number, seen, text};

pub fn all() {
    accepting();
    asking();
    negotiating();
    let key = Key::new(any([0; 16]));
    seen(key.as_str());
    if let Some(key) = Key::parse(bytes()) {
        seen(key.accept().as_str());
    }
    print(any(Error::HeadTooLong));
    print(any(BuildError::BufferTooSmall { needed: number() }));
}

fn limits() -> Limits {
    Limits::new().max_head_len(number()).max_fields(number())
}

fn accepting() {
    let mut reader = any(RequestReader::with_limits(limits()));
    while flag() {
        match reader.read(bytes()) {
            Ok(Status::Complete(Incoming::Upgrade(upgrade))) => {
                seen(upgrade.request().head_len());
                upgraded(&upgrade);
                upgrade.request().headers().end_to_end().for_each(seen);
                match upgrade.forward() {
                    Ok(forward) => {
                        let handshake = forward.handshake(any([0; 16]), text());
                        let handshake = handshake.forward_headers(upgrade.request().headers());
                        seen(handshake.write_request(bytes()));
                    }
                    Err(error) => print(error),
                }
            }
            Ok(Status::Complete(Incoming::Plain(request))) => {
                seen((request.method(), request.target(), request.path(), request.query()));
                seen((request.version(), request.host(), request.head_len()));
                headers(request.headers());
                for value in request.header(text()) {
                    seen(value);
                }
            }
            Ok(Status::NeedMore(missing)) => seen(missing),
            Err(error) => {
                seen(error.respond(bytes()));
                error.response_fields().for_each(seen);
            }
        }
    }
    let version = any(HttpVersion::Http11);
    let fields: [(&str, &[u8]); 2] = [(text(), bytes()), (text(), bytes())];
    for upgrade in [
        Upgrade::from_parts(text(), text(), version, any(fields)),
        Upgrade::from_connect(text(), any(fields)),
    ] {
        match upgrade {
            Ok(upgrade) => upgraded(&upgrade),
            Err(error) => print(error),
        }
    }
    seen(server::respond(any(404), any(&[]), bytes(), bytes()));
    seen(server::respond_head(any(404), any(&[]), any(0), bytes()));
}

fn upgraded<'b, R: Fields<'b>>(upgrade: &Upgrade<'b, R>) {
    seen((upgrade.key(), upgrade.origin()));
    upgrade.protocols().for_each(seen);
    upgrade.extensions().for_each(seen);
    let deflate = upgrade.negotiate_deflate(&config());
    match upgrade.accept(any(Origins::Any)) {
        Ok(mut accept) => {
            if let Some(answer) = deflate {
                accept = accept.deflate(answer);
            }
            let accept = accept.protocol(text()).headers(any(&[]));
            seen(accept.write(bytes()));
            for (name, value) in accept.response_fields().into_iter().flatten() {
                seen(name);
                print(value);
            }
        }
        Err(error) => seen(error.respond(bytes())),
    }
}

fn asking() {
    let mut handshake = any(Handshake::new(any([0; 16]), text(), text())
        .secure(flag())
        .port(any(0))
        .protocols(any(&[]))
        .origin(text())
        .deflate(any(&[]))
        .headers(any(&[]))
        .limits(limits()));
    seen(handshake.write_request(bytes()));
    if let Ok(uri) = Uri::parse(text()) {
        seen((uri.is_secure(), uri.host(), uri.address(), uri.port(), uri.path()));
        seen(Handshake::to(any([0; 16]), &uri).write_request(bytes()));
    }
    while flag() {
        match handshake.read_response(bytes()) {
            Ok(Status::Complete(Response::Accepted(accepted))) => {
                seen((accepted.protocol(), accepted.deflate(), accepted.head_len()));
                proxied(&accepted);
                headers(accepted.headers());
                accepted.header(text()).for_each(seen);
            }
            Ok(Status::Complete(Response::Rejected(rejected))) => {
                seen((rejected.status(), rejected.head_len(), rejected.forward(bytes())));
                headers(rejected.headers());
                rejected.header(text()).for_each(seen);
                rejected.versions().for_each(seen);
            }
            Ok(Status::NeedMore(missing)) => seen(missing),
            Err(error) => print(error),
        }
    }
}

/// The answer of a proxy.
fn proxied(accepted: &Accepted<'_>) {
    let Ok(Status::Complete(Incoming::Upgrade(upgrade))) = RequestReader::new().read(bytes()) else {
        return;
    };
    if let Some(accept) = upgrade.accept_as(accepted.protocol(), accepted.deflate()) {
        seen(accept.forward_headers(accepted.headers()).write(bytes()));
    }
}

fn config() -> DeflateConfig {
    DeflateConfig::new()
        .server_no_context_takeover(flag())
        .client_no_context_takeover(flag())
        .server_min_window_bits(bits())
        .server_max_window_bits(bits())
        .client_max_window_bits(bits())
}

fn bits() -> WindowBits {
    any(WindowBits::MAX)
}

fn negotiating() {
    seen((WindowBits::new(any(0)), bits().get()));
    let offer = DeflateOffer::new()
        .server_no_context_takeover(flag())
        .client_no_context_takeover(flag())
        .server_max_window_bits(bits())
        .client_max_window_bits(any(None));
    if let Some(answer) = deflate::negotiate(extension::parse(bytes()).flatten(), &config()) {
        seen(answer.params());
    }
    for item in extension::parse(bytes()) {
        let Ok(extension) = item else { continue };
        seen(extension.name());
        for param in extension.params() {
            seen(param.name);
            if let Some(value) = param.value {
                value.bytes().for_each(seen);
            }
        }
        seen(deflate::confirm(extension, &[offer]));
    }
}

fn headers(headers: HeaderFields<'_>) {
    for header in headers {
        seen((header.name, header.value));
    }
}

fn print(value: impl core::fmt::Display) {
    seen(write!(Sink, "{value}"));
}
