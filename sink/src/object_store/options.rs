//! The options of the sink. They are there in every build, so that what a build lacks can be said.

use std::{path::PathBuf, time::Duration};

use levada_connector_api::{ByteSize, Interval, Problem, Secret, TlsOptions};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    file::{FileFormat, problems_of_lines},
    lines::LineOptions,
    template::Template,
};

/// The smallest part that S3 takes, and more than S3 takes at once.
const PART: std::ops::RangeInclusive<u64> = 5 << 20..=5 << 30;

/// Where objects go, and how the store is reached. Rows wait in `batch`, which decides how large objects are: `batch: {rows: 1000000,
/// bytes: 64MiB, linger: 1m}`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectOptions {
    /// The bucket and the names in it, `s3://BUCKET/rows/{device}/{date}.parquet`, or those in a local folder, `file:///var/rows/{device}.csv`.
    /// Behind the name comes a number for each batch. `{device}`, `{date}`, `{year}`, `{month}`, `{day}` and `{hour}` stand for what rows
    /// say, in UTC.
    #[schemars(example = "s3://plant/rows/{device}/{date}.jsonl")]
    pub url: String,
    /// The format; where nothing is said, that of the name's end (`.csv`, `.parquet`, `.tsfile`), else `jsonl`.
    #[serde(default)]
    #[schemars(example = &"jsonl")]
    pub format: Option<FileFormat>,
    /// The region; where nothing is said, that of `AWS_REGION` or `AWS_DEFAULT_REGION`, else us-east-1.
    #[serde(default)]
    #[schemars(example = &"eu-central-1")]
    pub region: Option<String>,
    /// The address of a store that speaks as S3 does; where nothing is said, that of `AWS_ENDPOINT_URL`, else AWS's.
    #[serde(default)]
    #[schemars(example = &"https://minio.example:9000")]
    pub endpoint: Option<String>,
    /// Take an `endpoint` that begins with `http://`. Secrets are not sent, but rows can be read on the way.
    #[serde(default)]
    pub allow_http: bool,
    /// The keys; where nothing is said, those of `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, or of the machine's role.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"access": "levada", "secret": "${S3_SECRET}"}))]
    pub keys: Option<Keys>,
    /// How connections are encrypted; those of an endpoint with `https://` always are.
    #[serde(default)]
    pub tls: Option<TlsOptions>,
    /// Larger objects are put in parts of this size, at least 5 MiB.
    #[serde(default = "part_size")]
    pub part_size: ByteSize,
    /// How many objects, or parts of one, may be on their way at once.
    #[serde(default = "uploads")]
    #[schemars(range(min = 1, max = 100))]
    pub uploads: usize,
    /// A name of this process, where several run the same pipeline, as the members of a Kafka group do. Each needs its own.
    #[serde(default)]
    #[schemars(example = &"${HOSTNAME}")]
    pub writer: Option<String>,
    /// How long a request may take.
    #[serde(default = "timeout")]
    pub timeout: Interval,
}

/// What a user shows to the store.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The key that names the user.
    pub access: String,
    /// The secret that goes with it.
    pub secret: Secret,
    /// What goes with keys that are valid for some time.
    #[serde(default)]
    pub session: Option<Secret>,
}

fn part_size() -> ByteSize {
    ByteSize(16 << 20)
}

fn uploads() -> usize {
    8
}

fn timeout() -> Interval {
    Interval(Duration::from_secs(60))
}

/// A URL, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) store: Store,
    /// The names in it.
    pub(super) names: Template,
}

/// What holds objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Store {
    /// A bucket, by its name.
    Bucket(String),
    /// A local folder.
    Folder(PathBuf),
}

impl ObjectOptions {
    /// The format, by what is said or by the name.
    pub(super) fn format(&self) -> FileFormat {
        self.format.unwrap_or_else(|| FileFormat::of_name(self.url.as_ref()))
    }

    /// The URL, read.
    ///
    /// # Errors
    /// It is none of this sink's; the message says why.
    pub(super) fn place(&self) -> Result<Place, String> {
        let url = &self.url;
        let names = |names: &str| {
            let is_odd = |part: &str| matches!(part, "" | "." | "..") || part == "_levada";
            if names.split('/').any(is_odd) {
                return Err(format!(
                    "`{url}` names no object: write a name behind the bucket or folder, without empty parts, `.`, `..` and `_levada`"
                ));
            }
            Template::parse(names, "url")
        };
        if let Some(rest) = url.strip_prefix("s3://") {
            let (bucket, rest) = rest.split_once('/').unwrap_or((rest, ""));
            let is_fine = |each: char| each.is_ascii_alphanumeric() || matches!(each, '.' | '-' | '_');
            if bucket.is_empty() || !bucket.chars().all(is_fine) {
                return Err(format!("`{url}` names no bucket: write s3://BUCKET/rows/{{device}}.parquet"));
            }
            return Ok(Place { store: Store::Bucket(bucket.to_owned()), names: names(rest)? });
        }
        if let Some(path) = url.strip_prefix("file://") {
            if !path.starts_with('/') {
                return Err(format!(
                    "`{url}` is no absolute path: write three slashes, file:///var/rows/{{device}}.parquet"
                ));
            }
            let known = &path[..path.find(['{', '}']).unwrap_or(path.len())];
            let (folder, _) = known.rsplit_once('/').unwrap_or_default();
            let folder = if folder.is_empty() { "/" } else { folder };
            let rest = path[folder.len()..].trim_start_matches('/');
            return Ok(Place { store: Store::Folder(PathBuf::from(folder)), names: names(rest)? });
        }
        Err(format!(
            "`{url}` is no URL of a bucket or a folder: write s3://BUCKET/NAME or file:///FOLDER/NAME"
        ))
    }

    /// What cannot work.
    pub(super) fn problems(&self, lines: &LineOptions) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut no = |option: &str, message: &str| problems.push(Problem::new(option, message));
        let place = self.place();
        if let Err(message) = &place {
            no("url", message);
        }
        for end in [".gz", ".zst", ".xz", ".bz2", ".lz4", ".zip"] {
            if self.url.ends_with(end) {
                no(
                    "url",
                    &format!("what ends in `{end}` is packed, and this sink packs nothing: leave it out"),
                );
            }
        }
        if !PART.contains(&self.part_size.0) {
            no("part_size", "parts have 5 MiB at least, and 5 GiB at most");
        }
        if !(1..=100).contains(&self.uploads) {
            no("uploads", "write a number from 1 to 100");
        }
        if self.timeout.0.is_zero() {
            no("timeout", "in no time nothing is done: leave it out, or write more");
        }
        if let Some(endpoint) = &self.endpoint {
            match endpoint.split_once("://") {
                Some(("https", _)) => {}
                Some(("http", _)) if self.allow_http => {}
                Some(("http", _)) => {
                    no("endpoint", "this is not encrypted: write https://, or set `allow_http: true`")
                }
                _ => no(
                    "endpoint",
                    &format!("`{endpoint}` is no address: write https://HOST, with :PORT where it has one"),
                ),
            }
        }
        if place.is_ok_and(|place| matches!(place.store, Store::Folder(_))) {
            let said = [
                ("region", self.region.is_some()),
                ("endpoint", self.endpoint.is_some()),
                ("keys", self.keys.is_some()),
                ("tls", self.tls.is_some()),
            ];
            for (option, _) in said.into_iter().filter(|(_, said)| *said) {
                no(option, "a local folder needs none: leave it out");
            }
        }
        problems.extend(self.tls.as_ref().into_iter().flat_map(|tls| tls.problems("tls")));
        problems.extend(self.format().missing());
        problems.extend(problems_of_lines(self.format(), lines));
        problems
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn options(options: Value) -> ObjectOptions {
        serde_json::from_value(options).expect("well formed")
    }

    fn paths(value: Value) -> Vec<String> {
        let problems = options(value).problems(&LineOptions::default());
        problems.into_iter().map(|each| each.path).collect()
    }

    #[test]
    fn urls_are_read() {
        let place = |url: &str| options(json!({"url": url})).place().expect(url);
        let names = |names: &str| Template::parse(names, "url").expect(names);
        let bucket = |bucket: &str, of| Place { store: Store::Bucket(bucket.into()), names: names(of) };
        let folder = |folder: &str, of| Place { store: Store::Folder(folder.into()), names: names(of) };
        assert_eq!(place("s3://plant/rows/{device}.csv"), bucket("plant", "rows/{device}.csv"));
        assert_eq!(place("file:///var/rows/{device}/{date}.csv"), folder("/var/rows", "{device}/{date}.csv"));
        assert_eq!(place("file:///var/rows/d-{date}.csv"), folder("/var/rows", "d-{date}.csv"));
        assert_eq!(place("file:///rows.csv"), folder("/", "rows.csv"));
    }

    #[test]
    fn what_cannot_work_is_named() {
        assert_eq!(paths(json!({"url": "s3://plant/rows.jsonl"})), [""; 0]);
        for url in
            ["plant/rows.csv", "s3://plant", "s3://plant/", "s3:///rows.csv", "s3://a b/c", "file://rows.csv"]
        {
            assert_eq!(paths(json!({"url": url})), ["url"], "{url}");
        }
        for url in
            ["s3://plant/../a.csv", "s3://plant/{devcie}.csv", "s3://plant/_levada/a", "s3://plant/a.csv.gz"]
        {
            assert_eq!(paths(json!({"url": url})), ["url"], "{url}");
        }
        let of = |more: Value| {
            let mut all = json!({"url": "s3://plant/a.csv"});
            for (key, value) in more.as_object().expect("options") {
                all[key] = value.clone();
            }
            paths(all)
        };
        assert_eq!(
            of(json!({"part_size": "1MiB", "uploads": 0, "timeout": "0s"})),
            ["part_size", "uploads", "timeout"]
        );
        assert_eq!(of(json!({"endpoint": "http://minio:9000"})), ["endpoint"]);
        assert_eq!(of(json!({"endpoint": "http://minio:9000", "allow_http": true})), [""; 0]);
        assert_eq!(of(json!({"endpoint": "minio:9000"})), ["endpoint"]);
        assert_eq!(paths(json!({"url": "file:///a.csv", "region": "x"})), ["region"]);
    }
}
