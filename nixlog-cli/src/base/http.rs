//! Asking and telling over HTTP: whom to trust, and what went wrong.

use std::time::Duration;

use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::typestate::AgentScope;

/// Begins what is set of an agent whose requests may take so long. A status is no error.
pub(crate) fn config(deadline: Duration) -> ConfigBuilder<AgentScope> {
    let tls = TlsConfig::builder().root_certs(roots()).build();
    Agent::config_builder()
        .timeout_global(Some(deadline))
        .http_status_as_error(false)
        .user_agent(concat!("nixlog/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
}

/// Says what went wrong, in few words.
pub(crate) fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "no such host, or no address of this kind".to_owned(),
        ureq::Error::ConnectionFailed => "no connection".to_owned(),
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

/// Returns whom to trust: those that Nix is told to, else the usual ones.
fn roots() -> RootCerts {
    let told = ["NIX_SSL_CERT_FILE", "SSL_CERT_FILE"];
    let told = told.into_iter().find_map(std::env::var_os);
    let Some(pem) = told.and_then(|path| std::fs::read(path).ok()) else {
        return RootCerts::WebPki;
    };
    let items = parse_pem(&pem).filter_map(Result::ok);
    let certificates: Vec<Certificate<'static>> = items
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    match certificates.is_empty() {
        true => RootCerts::WebPki,
        false => certificates.into(),
    }
}
