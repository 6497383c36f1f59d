//! The methods.

use bytes::Bytes;

use super::*;
use crate::thrift::{Reader, WireError, structures};

/// Declares methods: their arguments as structures, and [`Request`], which is any of them.
macro_rules! calls {
    ($($name:ident $method:literal { $($id:literal required $field:ident: $type:ty),* } -> $reply:ty;)*) => {
        structures! {$(
            #[doc = concat!("Arguments of `", $method, "`.")]
            $name { $($id required $field: $type),* }
        )*}

        $(impl Call for $name {
            const METHOD: &'static str = $method;
            type Reply = $reply;
        })*

        /// The arguments of any method, as a server reads them.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each is its method")]
        pub enum Request {
            $($name($name)),*
        }

        impl Request {
            /// The names of all methods.
            pub const METHODS: &'static [&'static str] = &[$($method),*];

            /// Reads the arguments of a method; `None` where there is no such method.
            ///
            /// # Errors
            /// The bytes are no such arguments.
            pub fn read(method: &str, from: &mut Reader) -> Result<Option<Self>, WireError> {
                use crate::thrift::Wire;
                Ok(Some(match method {
                    $($method => Self::$name($name::read(from)?),)*
                    _ => return Ok(None),
                }))
            }
        }

        /// Reads the reply of a method and writes it again: for tests of the codec.
        ///
        /// # Errors
        /// The bytes are no such reply.
        #[doc(hidden)]
        pub fn copy_reply(
            method: &str,
            from: &mut Reader,
            to: &mut crate::thrift::Writer,
        ) -> Result<bool, WireError> {
            use crate::thrift::{Reply, Wire};
            match method {
                $($method => Reply::<$reply>::read(from)?.write(to),)*
                _ => return Ok(false),
            }
            Ok(true)
        }

        /// Writes the arguments.
        impl Request {
            /// Appends the arguments as a structure.
            pub fn write(&self, to: &mut crate::thrift::Writer) {
                use crate::thrift::Wire;
                match self {
                    $(Self::$name(each) => each.write(to)),*
                }
            }
        }
    };
}

calls! {
    OpenSession "openSession" { 1 required req: OpenSessionReq } -> OpenSessionResp;
    CloseSession "closeSession" { 1 required req: CloseSessionReq } -> Status;
    ExecuteStatement "executeStatement" { 1 required req: ExecuteStatementReq } -> ExecuteStatementResp;
    ExecuteBatchStatement "executeBatchStatement" { 1 required req: ExecuteBatchStatementReq } -> Status;
    ExecuteQueryStatement "executeQueryStatement" { 1 required req: ExecuteStatementReq } -> ExecuteStatementResp;
    ExecuteUpdateStatement "executeUpdateStatement" { 1 required req: ExecuteStatementReq } -> ExecuteStatementResp;
    FetchResults "fetchResults" { 1 required req: FetchResultsReq } -> FetchResultsResp;
    FetchMetadata "fetchMetadata" { 1 required req: FetchMetadataReq } -> FetchMetadataResp;
    CancelOperation "cancelOperation" { 1 required req: CancelOperationReq } -> Status;
    CloseOperation "closeOperation" { 1 required req: CloseOperationReq } -> Status;
    GetTimeZone "getTimeZone" { 1 required session_id: i64 } -> GetTimeZoneResp;
    SetTimeZone "setTimeZone" { 1 required req: SetTimeZoneReq } -> Status;
    GetProperties "getProperties" {} -> ServerProperties;
    SetStorageGroup "setStorageGroup" { 1 required session_id: i64, 2 required storage_group: String } -> Status;
    CreateTimeseries "createTimeseries" { 1 required req: CreateTimeseriesReq } -> Status;
    CreateMultiTimeseries "createMultiTimeseries" { 1 required req: CreateMultiTimeseriesReq } -> Status;
    DeleteTimeseries "deleteTimeseries" { 1 required session_id: i64, 2 required path: Vec<String> } -> Status;
    DeleteStorageGroups "deleteStorageGroups" { 1 required session_id: i64, 2 required storage_group: Vec<String> } -> Status;
    InsertRecord "insertRecord" { 1 required req: InsertRecordReq } -> Status;
    InsertStringRecord "insertStringRecord" { 1 required req: InsertStringRecordReq } -> Status;
    InsertTablet "insertTablet" { 1 required req: InsertTabletReq } -> Status;
    InsertTablets "insertTablets" { 1 required req: InsertTabletsReq } -> Status;
    InsertRecords "insertRecords" { 1 required req: InsertRecordsReq } -> Status;
    InsertRecordsOfOneDevice "insertRecordsOfOneDevice" { 1 required req: InsertRecordsOfOneDeviceReq } -> Status;
    InsertStringRecords "insertStringRecords" { 1 required req: InsertStringRecordsReq } -> Status;
    TestInsertTablet "testInsertTablet" { 1 required req: InsertTabletReq } -> Status;
    TestInsertTablets "testInsertTablets" { 1 required req: InsertTabletsReq } -> Status;
    TestInsertRecord "testInsertRecord" { 1 required req: InsertRecordReq } -> Status;
    TestInsertStringRecord "testInsertStringRecord" { 1 required req: InsertStringRecordReq } -> Status;
    TestInsertRecords "testInsertRecords" { 1 required req: InsertRecordsReq } -> Status;
    TestInsertRecordsOfOneDevice "testInsertRecordsOfOneDevice" { 1 required req: InsertRecordsOfOneDeviceReq } -> Status;
    TestInsertStringRecords "testInsertStringRecords" { 1 required req: InsertStringRecordsReq } -> Status;
    DeleteData "deleteData" { 1 required req: DeleteDataReq } -> Status;
    ExecuteRawDataQuery "executeRawDataQuery" { 1 required req: RawDataQueryReq } -> ExecuteStatementResp;
    RequestStatementId "requestStatementId" { 1 required session_id: i64 } -> i64;
    CreateSchemaTemplate "createSchemaTemplate" { 1 required req: CreateSchemaTemplateReq } -> Status;
    SetSchemaTemplate "setSchemaTemplate" { 1 required req: SetSchemaTemplateReq } -> Status;
    GetSystemStatus "getSystemStatus" { 1 required session_id: i64 } -> GetSystemStatusResp;
    CreateAlignedTimeseries "createAlignedTimeseries" { 1 required req: CreateAlignedTimeseriesReq } -> Status;
    InsertStringRecordsOfOneDevice "insertStringRecordsOfOneDevice" { 1 required req: InsertStringRecordsOfOneDeviceReq } -> Status;
    ExecuteLastDataQuery "executeLastDataQuery" { 1 required req: LastDataQueryReq } -> ExecuteStatementResp;
    AppendSchemaTemplate "appendSchemaTemplate" { 1 required req: AppendSchemaTemplateReq } -> Status;
    PruneSchemaTemplate "pruneSchemaTemplate" { 1 required req: PruneSchemaTemplateReq } -> Status;
    QuerySchemaTemplate "querySchemaTemplate" { 1 required req: QueryTemplateReq } -> QueryTemplateResp;
    UnsetSchemaTemplate "unsetSchemaTemplate" { 1 required req: UnsetSchemaTemplateReq } -> Status;
    SetUsingTemplate "setUsingTemplate" { 1 required req: SetUsingTemplateReq } -> Status;
    UnsetUsingTemplate "unsetUsingTemplate" { 1 required session_id: i64, 2 required template_name: String, 3 required prefix_path: String } -> Status;
    DropSchemaTemplate "dropSchemaTemplate" { 1 required req: DropSchemaTemplateReq } -> Status;
    ExecuteOperationSync "executeOperationSync" { 1 required req: OperationSyncWriteReq } -> Status;
    GetBackupConfiguration "getBackupConfiguration" {} -> BackupConfigurationResp;
    FetchAllConnectionsInfo "fetchAllConnectionsInfo" {} -> ConnectionInfoResp;
    ExecuteQueryStatementV2 "executeQueryStatementV2" { 1 required req: ExecuteStatementReq } -> ExecuteStatementResp;
    ExecuteUpdateStatementV2 "executeUpdateStatementV2" { 1 required req: ExecuteStatementReq } -> ExecuteStatementResp;
    ExecuteStatementV2 "executeStatementV2" { 1 required req: ExecuteStatementReq } -> ExecuteStatementResp;
    ExecuteRawDataQueryV2 "executeRawDataQueryV2" { 1 required req: RawDataQueryReq } -> ExecuteStatementResp;
    ExecuteLastDataQueryV2 "executeLastDataQueryV2" { 1 required req: LastDataQueryReq } -> ExecuteStatementResp;
    FetchResultsV2 "fetchResultsV2" { 1 required req: FetchResultsReq } -> FetchResultsResp;
    Handshake "handshake" { -1 required info: SyncIdentityInfo } -> Status;
    SendPipeData "sendPipeData" { 1 required buff: Bytes } -> Status;
    SendFile "sendFile" { 1 required meta_info: SyncTransportMetaInfo, 2 required buff: Bytes } -> Status;
    ExecuteFastLastDataQueryForOneDeviceV2 "executeFastLastDataQueryForOneDeviceV2" { 1 required req: FastLastDataQueryForOneDeviceReq } -> ExecuteStatementResp;
    ExecuteAggregationQueryV2 "executeAggregationQueryV2" { 1 required req: AggregationQueryReq } -> ExecuteStatementResp;
    ExecuteGroupByQueryIntervalQuery "executeGroupByQueryIntervalQuery" { 1 required req: GroupByQueryIntervalReq } -> ExecuteStatementResp;
    ExecuteAggregationQuery "executeAggregationQuery" { 1 required req: AggregationQueryReq } -> ExecuteStatementResp;
    CreateTimeseriesUsingSchemaTemplate "createTimeseriesUsingSchemaTemplate" { 1 required req: CreateTimeseriesUsingSchemaTemplateReq } -> Status;
    PipeTransfer "pipeTransfer" { -1 required req: PipeTransferReq } -> PipeTransferResp;
    ShowConfigurationTemplate "showConfigurationTemplate" {} -> ShowConfigurationTemplateResp;
    ShowConfiguration "showConfiguration" { 1 required node_id: i32 } -> ShowConfigurationResp;
    PipeSubscribe "pipeSubscribe" { -1 required req: PipeSubscribeReq } -> PipeSubscribeResp;
    TestConnectionEmpty "testConnectionEmptyRPC" {} -> Status;
    ExecuteFastLastDataQueryForOnePrefixPath "executeFastLastDataQueryForOnePrefixPath" { 1 required req: FastLastDataQueryForOnePrefixPathReq } -> ExecuteStatementResp;
    PrepareStatement "prepareStatement" { 1 required req: PrepareReq } -> PrepareResp;
    ExecutePreparedStatement "executePreparedStatement" { 1 required req: ExecutePreparedReq } -> ExecuteStatementResp;
    DeallocatePreparedStatement "deallocatePreparedStatement" { 1 required req: DeallocatePreparedReq } -> Status;
}
