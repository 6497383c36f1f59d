//! What a failed connection says of its encryption, and whether waiting heals it.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// What a failed connection with a server says of its encryption. The words fit behind the server's name and a colon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The server's certificate is of an authority that nobody here knows.
    #[error(
        "no authority that is trusted here vouches for its certificate: name the authority's own certificate, a PEM file, as \
         the one to trust (`tls.ca_file`)"
    )]
    UnknownAuthority,
    /// Its certificate cannot be taken for another reason.
    #[error("its certificate is rejected: {0}")]
    Certificate(String),
    /// It does not take what this side offers.
    #[error("it rejects the encrypted connection: {0}; it may want a certificate")]
    Rejected(String),
    /// What it answers is no TLS.
    #[error("it does not speak TLS: leave out `tls`, use its other port, or enable it there")]
    Plain,
    /// It speaks no version, or nothing in it, that is spoken here.
    #[error("cannot agree on encryption: {0}")]
    Incompatible(String),
    /// A name that no certificate can have.
    #[error("`{0}` is no name that a certificate could be for: {1}")]
    Name(String, String),
    /// The connection ended while hands were shaken.
    #[error("cannot agree on encryption: {0}; perhaps it does not serve TLS")]
    Broken(String),
    /// It passes with the connection, or with time.
    #[error("{0}")]
    Passing(String),
}

impl Failure {
    /// Whether it stays so until somebody changes something.
    #[must_use]
    pub fn lasts(&self) -> bool {
        !matches!(self, Self::Broken(_) | Self::Passing(_))
    }

    /// What an error of a connection that was encrypted says; `None` where it says nothing of encryption.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        let error = error.get_ref()?.downcast_ref::<Error>()?;
        Some(match error {
            // The time of a certificate comes, and passes when it is replaced.
            Error::InvalidCertificate(
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
            ) => Self::Passing(error.to_string()),
            Error::InvalidCertificate(CertificateError::UnknownIssuer) => Self::UnknownAuthority,
            Error::InvalidCertificate(reason) => Self::Certificate(reason.to_string()),
            Error::AlertReceived(alert) if lasts(*alert) => Self::Rejected(format!("{alert:?}")),
            Error::PeerIncompatible(_) => Self::Incompatible(error.to_string()),
            _ => Self::Passing(error.to_string()),
        })
    }

    /// What an error of a handshake says.
    #[must_use]
    pub fn of_handshake(error: &io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match tls {
            // Later it is a broken record: it has spoken TLS.
            Some(Error::InvalidMessage(_)) => Self::Plain,
            _ => Self::of(error).unwrap_or_else(|| Self::Broken(error.to_string())),
        }
    }
}

/// Whether a server that answers so will do so again until somebody changes something. What it says when it is short of something,
/// ends, or finds a record broken passes with the connection; the time of a certificate passes when that is replaced.
fn lasts(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::HandshakeFailure
            | Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::CertificateRequired
            | Alert::UnknownCA
            | Alert::ProtocolVersion
            | Alert::InsufficientSecurity
            | Alert::UnrecognisedName
            | Alert::NoApplicationProtocol
    )
}

#[cfg(test)]
mod tests {
    use rustls::{InvalidMessage, PeerIncompatible};

    use super::*;

    /// Alerts that last, and ones that pass.
    const LASTING: [AlertDescription; 3] = [
        AlertDescription::CertificateRequired,
        AlertDescription::UnknownCA,
        AlertDescription::HandshakeFailure,
    ];
    const PASSING: [AlertDescription; 4] = [
        AlertDescription::InternalError,
        AlertDescription::UserCanceled,
        AlertDescription::AccessDenied,
        AlertDescription::CertificateExpired,
    ];

    fn broken(error: Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    fn lasts_later(error: &io::Error) -> bool {
        Failure::of(error).is_some_and(|failure| failure.lasts())
    }

    fn lasts_at_once(error: &io::Error) -> bool {
        Failure::of_handshake(error).lasts()
    }

    #[test]
    fn only_what_waiting_does_not_heal_lasts() {
        for lasts in [lasts_later, lasts_at_once] {
            let of_alert = |alert: &AlertDescription| lasts(&broken(Error::AlertReceived(*alert)));
            assert!(LASTING.iter().all(of_alert));
            assert!(!PASSING.iter().any(of_alert));
            let expired = Error::InvalidCertificate(CertificateError::Expired);
            assert!(!lasts(&broken(expired)));
            assert!(!lasts(&broken(Error::DecryptError)));
            let incompatible = Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon);
            assert!(lasts(&broken(incompatible)));
            assert!(!lasts(&io::ErrorKind::ConnectionReset.into()));
        }
    }

    #[test]
    fn who_answers_something_else_does_not_speak_tls_but_one_who_did_has_broken_a_record() {
        let answer = broken(Error::InvalidMessage(InvalidMessage::InvalidContentType));
        assert_eq!(Failure::of_handshake(&answer), Failure::Plain);
        assert!(!lasts_later(&answer));
        assert_eq!(Failure::of(&io::ErrorKind::ConnectionReset.into()), None);
    }
}
