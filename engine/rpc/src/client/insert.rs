//! Writing tablets.

use levada_model::Tablet;

use super::{Client, ClientError, codes::redirections};
use crate::{
    columns::tablet::{TabletBytes, encode},
    messages::{EndPoint, InsertTablet, InsertTabletReq, InsertTablets, InsertTabletsReq},
};

impl Client {
    /// Writes tablets in one request: all aligned or none, their rows ascending by time, each time once. Returns for each
    /// tablet the node that is closer to its device, if the server names one.
    ///
    /// # Errors
    /// Some values of some tablet may not be stored; others may.
    pub async fn insert(&mut self, tablets: &[Tablet]) -> Result<Vec<Option<EndPoint>>, ClientError> {
        let status = match tablets {
            [] => return Ok(Vec::new()),
            [tablet] => self.insert_one(tablet).await?,
            several => self.insert_several(several).await?,
        };
        self.check(&status)?;
        Ok(redirections(&status, tablets.len()))
    }

    async fn insert_one(&mut self, tablet: &Tablet) -> Result<crate::messages::Status, ClientError> {
        let TabletBytes { rows, measurements, types, timestamps, values } = encode(tablet);
        let req = InsertTabletReq {
            session_id: self.session_id,
            prefix_path: tablet.device().to_string(),
            measurements,
            values,
            timestamps,
            types,
            size: i32::try_from(rows).unwrap_or(i32::MAX),
            is_aligned: Some(tablet.aligned()),
            ..InsertTabletReq::default()
        };
        self.connection.call(&InsertTablet { req }).await
    }

    async fn insert_several(&mut self, tablets: &[Tablet]) -> Result<crate::messages::Status, ClientError> {
        let mut req = InsertTabletsReq {
            session_id: self.session_id,
            is_aligned: Some(tablets.iter().any(Tablet::aligned)),
            ..InsertTabletsReq::default()
        };
        for tablet in tablets {
            let bytes = encode(tablet);
            req.prefix_paths.push(tablet.device().to_string());
            req.measurements_list.push(bytes.measurements);
            req.values_list.push(bytes.values);
            req.timestamps_list.push(bytes.timestamps);
            req.types_list.push(bytes.types);
            req.size_list.push(i32::try_from(bytes.rows).unwrap_or(i32::MAX));
        }
        self.connection.call(&InsertTablets { req }).await
    }
}
