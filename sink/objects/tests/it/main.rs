//! The sink `object_store` against a server that speaks as S3 does, and against a folder.

mod contract;
mod read;
mod restarts;
mod s3;
