//! The list of functions and its reference.

use std::collections::BTreeSet;

use levada_udf::UdfKind;
use levada_udf_library::{DECLARATIONS, all, reference};

#[test]
fn each_function_is_there_once_under_its_name() {
    let names: BTreeSet<&str> = DECLARATIONS.iter().map(|each| each.name).collect();
    assert_eq!(names.len(), DECLARATIONS.len());
    assert!(names.iter().all(|name| name.chars().all(|each| each.is_ascii_lowercase() || each == '_')));
    for name in [
        "acf",
        "distinct",
        "histogram",
        "integral",
        "integralavg",
        "mad",
        "median",
        "minmax",
        "mode",
        "mvavg",
        "pacf",
        "percentile",
        "period",
        "qlb",
        "resample",
        "sample",
        "segment",
        "skew",
        "spline",
        "spread",
        "stddev",
        "zscore",
        "completeness",
        "consistency",
        "timeliness",
        "validity",
        "timestamprepair",
        "valuefill",
        "valuerepair",
        "masterrepair",
        "master_repair",
        "seasonalrepair",
        "cov",
        "dtw",
        "pearson",
        "ptnsym",
        "xcorr",
        "crosscorrelation",
        "iqr",
        "ksigma",
        "lof",
        "missdetect",
        "range",
        "twosidedfilter",
        "outlier",
        "conv",
        "deconv",
        "dwt",
        "fft",
        "highpass",
        "idwt",
        "ifft",
        "lowpass",
        "consecutivesequences",
        "consecutivewindows",
        "regexmatch",
        "regexreplace",
        "regexsplit",
        "strreplace",
        "strsplit",
    ] {
        assert!(names.contains(name), "{name}");
    }
}

#[test]
fn factories_have_the_classes_of_the_manual() {
    for ((name, factory), each) in all().into_iter().zip(&DECLARATIONS) {
        assert_eq!((name, factory.id(), factory.kind()), (each.name, each.class, UdfKind::Udtf));
        assert!(factory.id().starts_with("org.apache.iotdb.library."));
    }
}

#[test]
fn the_reference_names_each_function_and_attribute() {
    let page = reference();
    for each in &DECLARATIONS {
        let line = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{}` |", each.name)))
            .expect("it has a line");
        assert!(
            each.parameters.iter().all(|parameter| line.contains(&format!("`{}`", parameter.name))),
            "{line}"
        );
        assert_eq!(line.matches(" | ").count(), 3, "{line}");
    }
}
