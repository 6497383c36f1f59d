//! Between the store's types and those of functions, which have the same codes.

use levada_udf_sdk::{DataType, Input, UdfParameters};

/// The store's type of a function's.
pub fn model_type(data_type: DataType) -> levada_model::DataType {
    levada_model::DataType::from_code(data_type.code()).expect("both have the same codes")
}

/// The type of a function's of the store's.
pub fn udf_type(data_type: levada_model::DataType) -> DataType {
    DataType::from_code(data_type.code()).expect("both have the same codes")
}

/// What a call is given: the path (or expression) and type of each input, and the attributes in the order of the call.
pub fn parameters(
    inputs: impl IntoIterator<Item = (String, levada_model::DataType)>,
    attributes: impl IntoIterator<Item = (String, String)>,
) -> UdfParameters {
    let inputs = inputs.into_iter().map(|(path, data_type)| Input { path, data_type: udf_type(data_type) });
    UdfParameters::new(inputs.collect(), attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_of_the_store_is_one_of_functions() {
        for data_type in levada_model::DataType::ALL {
            assert_eq!(model_type(udf_type(data_type)), data_type);
            assert_eq!(udf_type(data_type).name(), data_type.name());
        }
        assert_eq!(DataType::ALL.len(), levada_model::DataType::ALL.len());
    }
}
