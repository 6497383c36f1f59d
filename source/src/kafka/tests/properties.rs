//! Which options work, and what is said of those that do not.

use super::*;

#[test]
fn wrong_options_are_named() {
    let options = json!({
        "brokers": [], "topics": "^(", "group": "", "end": "earliest", "properties": {"group.id": "x", "sasl.password": "p"},
    });
    let options: KafkaOptions = serde_json::from_value(options).expect("options that fit");
    let problems = KafkaSource::check(&options);
    let paths: Vec<_> = problems.iter().map(|each| each.path.as_str()).collect();
    assert_eq!(paths, ["brokers", "topics", "group", "end", "properties.group.id"]);
    assert!(!format!("{options:?}").contains("\"p\""));
    assert!(
        serde_json::from_value::<KafkaOptions>(
            json!({"brokers": "b", "topics": "t", "group": "g", "start": "x"})
        )
        .is_err()
    );
}

fn problems(properties: serde_json::Value) -> Vec<(String, String)> {
    let options = json!({"brokers": "b:9092", "topics": "t", "group": "g", "properties": properties});
    let options: KafkaOptions = serde_json::from_value(options).expect("options that fit");
    KafkaSource::check(&options).into_iter().map(|each| (each.path, each.message)).collect()
}

#[test]
fn tls_and_sasl_are_in_this_build() {
    let user = json!({"sasl.username": "u", "sasl.password": "p"});
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        for protocol in ["sasl_ssl", "SASL_SSL", "sasl_plaintext"] {
            let mut properties = user.clone();
            properties["sasl.mechanism"] = mechanism.into();
            properties["security.protocol"] = protocol.into();
            properties["ssl.ca.location"] = "/nowhere/on/this/machine.pem".into();
            assert_eq!(problems(properties), [], "{mechanism} over {protocol}");
        }
    }
    assert_eq!(
        problems(json!({"security.protocol": "ssl", "enable.ssl.certificate.verification": false})),
        []
    );
}

#[test]
fn what_this_build_cannot_do_is_named_with_what_is_missing() {
    let with = |mechanism: &str| {
        problems(json!({
            "security.protocol": "sasl_ssl", "sasl.mechanisms": mechanism, "sasl.username": "u", "sasl.password": "p",
        }))
    };
    for (mechanism, missing) in
        [("GSSAPI", "cyrus-sasl"), ("OAUTHBEARER", "tokens"), ("scram", "no mechanism")]
    {
        let found = with(mechanism);
        assert_eq!(found.len(), 1, "{mechanism}: {found:?}");
        let (path, message) = &found[0];
        assert_eq!(path, "properties.sasl.mechanisms");
        assert!(message.contains(missing) && message.contains("SCRAM-SHA-512"), "{message}");
    }
    for (properties, path, part) in [
        (
            json!({"security.protocol": "sasl_ssl"}),
            "properties.security.protocol",
            "`sasl.mechanism` is missing",
        ),
        (
            json!({"security.protocol": "sasl_ssl", "sasl.mechanism": "PLAIN", "sasl.username": "u"}),
            "properties.sasl.mechanism",
            "needs `sasl.password`",
        ),
        (json!({"security.protocol": "tls"}), "properties.security.protocol", "Invalid value"),
        (json!({"sesion.timeout.ms": 1}), "properties.sesion.timeout.ms", "No such configuration property"),
        (json!({"session.timeout.ms": "soon"}), "properties.session.timeout.ms", "Invalid value"),
        (json!({"session.timeout.ms": 400_000}), "properties", "max.poll.interval.ms"),
    ] {
        let found = problems(properties);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, path);
        assert!(found[0].1.contains(part), "{found:?}");
    }
}
