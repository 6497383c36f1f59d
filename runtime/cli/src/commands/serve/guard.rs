//! Who may look into pipelines and change them: the users who may maintain the server.

use async_trait::async_trait;
use levada_runtime::http::{Caller, Guard};
use levada_server::Server;

/// Admits users with the privilege MAINTAIN, by HTTP's basic authentication. Logins that fail count with those of the server's other
/// interfaces: an address from which too many have failed waits, and nobody else does.
pub(super) struct Maintainers(pub(super) Server);

#[async_trait]
impl Guard for Maintainers {
    async fn admit(&self, Caller { from, login, .. }: Caller<'_>) -> Result<(), (u16, String)> {
        let Some((user, password)) = login else {
            let message = "send user and password by basic authentication: pipelines are for users who may maintain the server";
            return Err((401, message.to_owned()));
        };
        match self.0.log_in(user, password, from).await {
            Ok(session) if session.may_maintain() => Ok(()),
            Ok(_) => Err((403, format!("`{user}` lacks the privilege MAINTAIN"))),
            Err(error) => Err((401, error.message)),
        }
    }
}
