//! Status codes of all generations, mapped to those of today.

use levada_model::{SessionError, StatusCode};

use super::ClientError;
use crate::messages::{EndPoint, Status};

/// Which numbers and methods a server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generation {
    /// 0.12 and before.
    V0_12,
    /// 0.13.
    V0_13,
    /// 1.0 and later.
    V1,
}

/// Codes before 1.0 with those of today, where they differ and the difference matters.
const OLD_CODES: [(i32, i32); 33] = [
    (203, 201),
    (299, 505),
    (300, 506),
    (301, 508),
    (303, 507),
    (304, 508),
    (305, 607),
    (313, 601),
    (315, 509),
    (316, 1100),
    (317, 602),
    (318, 303),
    (319, 609),
    (322, 500),
    (400, 301),
    (401, 700),
    (402, 702),
    (403, 703),
    (405, 704),
    (409, 707),
    (411, 708),
    (412, 605),
    (413, 606),
    (500, 305),
    (502, 600),
    (503, 611),
    (506, 302),
    (600, 801),
    (601, 802),
    (602, 803),
    (701, 720),
    (703, 300),
    (707, 400),
];

impl Generation {
    /// The generation of a version such as `0.13.4` or `2.0.1-beta`.
    pub fn of(version: &str) -> Self {
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(0), Some(13..)) => Self::V0_13,
            (Some(0), _) => Self::V0_12,
            _ => Self::V1,
        }
    }

    /// Today's code for a code.
    pub fn code(self, code: i32) -> StatusCode {
        let today = OLD_CODES
            .iter()
            .find(|(old, _)| self < Self::V1 && *old == code)
            .map_or(code, |(_, today)| *today);
        StatusCode(today)
    }

    /// What a status says, the parts of a request included: a request failed if one of its parts did.
    ///
    /// # Errors
    /// The status is not success.
    pub(crate) fn check(self, node: &str, status: &Status) -> Result<(), ClientError> {
        let code = self.code(status.code);
        if code.is_success() {
            return Ok(());
        }
        let parts = status.sub_status.as_deref().unwrap_or_default();
        let failed = || parts.iter().filter(|part| !self.code(part.code).is_success());
        let (code, retry, message) = match (code, failed().next()) {
            (StatusCode::MULTIPLE_ERROR, None) if !parts.is_empty() => return Ok(()),
            (StatusCode::MULTIPLE_ERROR, Some(first)) => {
                let words: Vec<_> = failed().filter_map(|part| part.message.as_deref()).take(3).collect();
                (self.code(first.code), first.need_retry, words.join("; "))
            }
            _ => (code, status.need_retry, status.message.clone().unwrap_or_default()),
        };
        let code = of_words(code, &message);
        let error = SessionError::new(code, format!("{node}: {message}"));
        // A server's own word counts as well; none says it of a request that has to be changed first.
        let transient = error.transient || retry == Some(true);
        Err(SessionError { transient, ..error }.into())
    }
}

/// Before 2.0 a value of the wrong type gets the code of the component that noticed it, even a transient one, and a server that
/// waits for its regions says no more than that the statement failed: the message tells what it is.
fn of_words(code: StatusCode, message: &str) -> StatusCode {
    let message = message.to_ascii_lowercase();
    let mismatch =
        ["datatype mismatch", "type mismatch", "is not consistent", "not consistent, registered type"];
    let ttl = ["out of ttl", "less than ttl"];
    // Of a server that has just begun: it waits for its own parts.
    let regions = message.contains("no available") && message.contains("regiongroup");
    if matches!(code.0, 301 | 305) && regions {
        return StatusCode::NO_AVAILABLE_REGION_GROUP;
    }
    if matches!(code.0, 301 | 302 | 305 | 507 | 508 | 601 | 605 | 708) {
        if mismatch.iter().any(|words| message.contains(words)) {
            return StatusCode::DATA_TYPE_MISMATCH;
        }
        if ttl.iter().any(|words| message.contains(words)) {
            return StatusCode::OUT_OF_TTL;
        }
    }
    code
}

/// The nodes that a success recommends: for each part of the request, or for all of it.
pub(super) fn redirections(status: &Status, parts: usize) -> Vec<Option<EndPoint>> {
    let of_parts = status.sub_status.as_deref().unwrap_or_default();
    (0..parts)
        .map(|part| {
            let own = of_parts.get(part).filter(|_| of_parts.len() == parts);
            own.and_then(|part| part.redirect_node.clone())
                .or_else(|| status.redirect_node.clone().filter(|_| parts == 1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: i32, message: &str) -> Status {
        Status { code, message: Some(message.to_owned()), ..Status::default() }
    }

    fn rejected(generation: Generation, status: &Status) -> (StatusCode, bool, String) {
        match generation.check("n", status) {
            Err(ClientError::Rejected(error)) => (error.code, error.transient, error.message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_version_tells_which_codes_a_server_uses() {
        let versions = ["0.11.4", "0.12.0", "0.13.4", "1.0.0", "1.3.3", "2.0.1-beta", "v2"];
        let generations = versions.map(Generation::of);
        use Generation::{V0_12, V0_13, V1};
        assert_eq!(generations, [V0_12, V0_12, V0_13, V1, V1, V1, V1]);
        assert_eq!(V0_12.code(305), StatusCode::OUT_OF_TTL);
        assert_eq!(V1.code(305), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn what_cannot_heal_is_not_transient_whatever_its_code() {
        let words = "DataType mismatch, Insert measurement s0 type DOUBLE, metadata tree type INT32";
        assert_eq!(
            rejected(Generation::V0_12, &status(313, words)),
            (StatusCode::DATA_TYPE_MISMATCH, false, format!("n: {words}"))
        );
        assert!(rejected(Generation::V0_12, &status(413, "write is blocked")).1);
        let mut again = status(900, "it moves");
        assert!(!rejected(Generation::V1, &again).1);
        again.need_retry = Some(true);
        assert!(rejected(Generation::V1, &again).1);
    }

    #[test]
    fn a_server_that_waits_for_its_regions_is_told_by_its_words() {
        let words = "There are no available SchemaRegionGroup RegionGroups currently, please use \"show cluster\" or \
                     \"show regions\" to check the cluster status";
        let (code, transient, _) = rejected(Generation::V1, &status(301, words));
        assert_eq!((code, transient), (StatusCode::NO_AVAILABLE_REGION_GROUP, true));
        let (code, transient, _) = rejected(Generation::V1, &status(301, "a predicate"));
        assert_eq!((code, transient), (StatusCode::EXECUTE_STATEMENT_ERROR, false));
    }

    #[test]
    fn a_request_of_several_parts_fails_with_the_first_that_failed() {
        let parts = vec![status(200, ""), status(607, "too old"), status(507, "no")];
        let whole = Status { sub_status: Some(parts), ..status(302, "") };
        assert_eq!(
            rejected(Generation::V1, &whole),
            (StatusCode::OUT_OF_TTL, false, "n: too old; no".to_owned())
        );
        let fine = Status { sub_status: Some(vec![status(200, ""), status(400, "")]), ..status(302, "") };
        assert!(Generation::V1.check("n", &fine).is_ok());
    }
}
