//! A pipeline as understood.

use levada_config::load;

use crate::registry::registry;

const DOCUMENT: &str = r#"
name: plant-a
sources:
  readings:
    kafka:
      brokers: ${BROKERS}
      topics: [^sensors-.*$]
      start: 1714521600000
      properties:
        sasl.username: reader
        sasl.password: ${DB_PASSWORD}
        ssl.key.password: hunter2
        session.timeout.ms: 6000
      more: {sasl.password: hunter2, security.protocol: SASL_SSL, timeout: 5, key: no}
    decode: json
transforms:
  cost:
    inputs: [readings]
    sql: select price as cost_in_$$
sinks:
  store:
    inputs: [cost]
    iotdb:
      embedded: ./data
      database: root.plant
      password: ${DB_PASSWORD}
      timeseries:
        - {path: root.plant.d1.s1, type: DOUBLE}
    batch: {rows: 500}
errors: stop
"#;

fn environment(name: &str) -> Option<String> {
    match name {
        "BROKERS" => Some("10.0.0.1:9092".to_owned()),
        "DB_PASSWORD" => Some("hunter2".to_owned()),
        _ => None,
    }
}

#[test]
fn echo_shows_what_was_understood_and_no_secret() {
    let registry = registry();
    let (pipeline, problems) = load(DOCUMENT, "plant.yaml", &registry, &environment);
    assert_eq!(problems, []);
    let pipeline = pipeline.expect("a pipeline");
    let echo = pipeline.to_yaml_masked(&registry);
    assert!(!format!("{echo}{pipeline:?}").contains("hunter2"), "{echo}{pipeline:?}");
    let expected = include_str!("echo.yaml");
    if std::env::var("LEVADA_UI").is_ok_and(|value| value == "rewrite") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/echo.yaml");
        std::fs::write(path, &echo).expect("written");
    } else {
        assert_eq!(echo, expected);
    }
}

#[test]
fn what_echo_shows_reads_as_the_same_pipeline_but_for_its_secrets() {
    let registry = registry();
    let (pipeline, _) = load(DOCUMENT, "plant.yaml", &registry, &environment);
    let echo = pipeline.expect("a pipeline").to_yaml_masked(&registry);
    let (again, problems) = load(&echo, "plant.yaml", &registry, &|_| None);
    assert_eq!(problems, [], "{echo}");
    assert_eq!(again.expect("a pipeline").to_yaml_masked(&registry), echo);
}
