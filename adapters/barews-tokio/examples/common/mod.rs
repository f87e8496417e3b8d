//! The arguments of the servers.

use barews::deflate::{Effort, WindowBits};
use barews::handshake::deflate::DeflateConfig;
use barews_tokio::{Acceptor, Options};
use lexopt::prelude::*;

/// `--listen ADDR [--deflate] [--takeover] [--window-bits N] [--protocol NAME]...
/// [--max-message-len N]`; others are left to the server.
#[derive(Clone)]
pub struct Arguments {
    pub listen: String,
    pub acceptor: Acceptor,
}

impl Arguments {
    pub fn parse(
        mut other: impl FnMut(&str, &mut lexopt::Parser) -> Result<bool, lexopt::Error>,
    ) -> Result<Self, lexopt::Error> {
        let mut listen = "127.0.0.1:9001".to_owned();
        let (mut options, mut protocols) = (Options::new(), vec![]);
        let (mut is_compressed, mut takes_over, mut bits) = (false, false, None);
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("listen") => listen = arguments.value()?.string()?,
                Long("deflate") => is_compressed = true,
                // The context is kept between messages, and those of any length are compressed.
                Long("takeover") => takes_over = true,
                // The same with windows of at most 2^N bytes.
                Long("window-bits") => {
                    let n = arguments.value()?.parse_with(|text| {
                        text.parse().ok().and_then(WindowBits::new).ok_or("not 8 to 15")
                    })?;
                    (is_compressed, takes_over, bits) = (true, true, Some(n));
                }
                Long("protocol") => protocols.push(arguments.value()?.string()?),
                Long("max-message-len") => {
                    options = options.max_message_len(arguments.value()?.parse()?);
                }
                Long(name) => {
                    let name = name.to_owned();
                    if !other(&name, &mut arguments)? {
                        return Err(Long(&name).unexpected());
                    }
                }
                _ => return Err(argument.unexpected()),
            }
        }
        let mut acceptor = Acceptor::new();
        if is_compressed && takes_over {
            options = options.effort(Effort::FAST.threshold(0));
            let bits = bits.unwrap_or(WindowBits::MAX);
            let config = DeflateConfig::new();
            acceptor = acceptor
                .deflate_with(config.server_max_window_bits(bits).client_max_window_bits(bits));
        } else if is_compressed {
            acceptor = acceptor.deflate();
        }
        Ok(Self { listen, acceptor: acceptor.options(options).protocols(protocols) })
    }
}
