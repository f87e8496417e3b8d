//! The arguments of the servers.

use barews_tokio::{Acceptor, Options};
use lexopt::prelude::*;

#[derive(Clone)]
pub struct Arguments {
    pub listen: String,
    pub acceptor: Acceptor,
}

impl Arguments {
    /// `--listen ADDR [--deflate] [--protocol NAME]... [--max-message-len N]`
    pub fn parse() -> Result<Self, lexopt::Error> {
        let mut listen = "127.0.0.1:9001".to_owned();
        let (mut acceptor, mut options, mut protocols) = (Acceptor::new(), Options::new(), vec![]);
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("listen") => listen = arguments.value()?.string()?,
                Long("deflate") => acceptor = acceptor.deflate(),
                Long("protocol") => protocols.push(arguments.value()?.string()?),
                Long("max-message-len") => {
                    options = options.max_message_len(arguments.value()?.parse()?);
                }
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(Self { listen, acceptor: acceptor.options(options).protocols(protocols) })
    }
}
