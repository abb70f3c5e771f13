//! The stand-ins over real HTTP: what a broker or a worker meets there. Time moves by their clocks alone.

#[cfg(test)]
mod anything;
#[cfg(test)]
mod control;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod minis;
#[cfg(test)]
mod oauth_authorize;
#[cfg(test)]
mod oauth_clients;
#[cfg(test)]
mod oauth_refresh;
#[cfg(test)]
mod orderdesk;
#[cfg(test)]
mod orderdesk_parts;
#[cfg(test)]
mod program;
#[cfg(test)]
mod todo;
#[cfg(test)]
mod tray_api;
#[cfg(test)]
mod tray_limits;
#[cfg(test)]
mod tray_tokens;
#[cfg(test)]
mod webhooks;
