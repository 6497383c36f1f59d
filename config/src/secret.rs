//! Which values must not be shown.

/// Words in the name of a variable or property that mark its value as secret.
const SECRET_WORDS: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "private",
    "apikey",
    "api_key",
    "oauthbearer.config",
    "assertion",
];

/// Whether a name (`DB_PASSWORD`, `sasl.password`, `ssl.key.pem`) is that of a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase();
    let key_material = name.ends_with("key.pem") || name.ends_with("jaas.config");
    key_material || SECRET_WORDS.iter().any(|word| name.contains(word))
}
