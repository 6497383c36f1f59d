//! Structures, described once.

/// Declares structures with their field numbers, as an interface definition does, for reading and writing:
///
/// ```text
/// structures! {
///     /// A node's address.
///     EndPoint { 1 required ip: String, 2 required port: i32 }
/// }
/// ```
///
/// A known field of another type is skipped like an unknown field: versions of the protocol use some numbers for different
/// things. Two fields may share a number if their types differ.
macro_rules! structures {
    ($($(#[$meta:meta])* $name:ident {
        $($(#[$note:meta])* $id:literal $need:ident $field:ident: $type:ty),* $(,)?
    })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $(
                $(#[$note])*
                #[doc = concat!("\nField ", stringify!($id), ", ", stringify!($need), ".")]
                pub $field: $crate::thrift::field_type!($need $type),
            )*
        }

        impl $crate::thrift::Wire for $name {
            const TYPE: $crate::thrift::Type = $crate::thrift::Type::Struct;

            fn write(&self, to: &mut $crate::thrift::Writer) {
                to.begin();
                $($crate::thrift::structures!(@write $need self.$field, $id, to);)*
                to.end();
            }

            fn read(from: &mut $crate::thrift::Reader) -> Result<Self, $crate::thrift::WireError> {
                from.nested(|from| {
                    $(let mut $field: Option<$type> = None;)*
                    while let Some((id, kind)) = from.field()? {
                        match id {
                            $($id if kind == <$type as $crate::thrift::Wire>::TYPE => {
                                $field = Some(<$type as $crate::thrift::Wire>::read(from)?);
                            })*
                            _ => from.skip(kind)?,
                        }
                    }
                    Ok(Self { $($field: $crate::thrift::structures!(@read $need $field, $name)),* })
                })
            }
        }
    )*};
    (@write required $value:expr, $id:literal, $to:ident) => {
        $crate::thrift::Wire::write_field(&$value, $id, $to)
    };
    (@write optional $value:expr, $id:literal, $to:ident) => {
        if let Some(value) = &$value {
            $crate::thrift::Wire::write_field(value, $id, $to);
        }
    };
    (@read required $field:ident, $name:ident) => {
        $field.ok_or($crate::thrift::WireError::Missing {
            structure: stringify!($name),
            field: stringify!($field),
        })?
    };
    (@read optional $field:ident, $name:ident) => {
        $field
    };
}

/// The type of a required or an optional field.
macro_rules! field_type {
    (required $type:ty) => { $type };
    (optional $type:ty) => { Option<$type> };
}

pub(crate) use {field_type, structures};
