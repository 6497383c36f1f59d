//! Makes a module of functions.

/// Makes a crate (`crate-type = ["cdylib"]`) a module of functions: names each by the id that `CREATE FUNCTION … AS` uses, and
/// says how an instance is made.
///
/// ```
/// # use levada_udf_sdk::*;
/// # #[derive(Default)] struct Adder;
/// # impl Udtf for Adder {
/// #     fn before_start(&mut self, _: &UdfParameters) -> Result<Configuration, Failure> {
/// #         Ok(Configuration::new(Access::RowByRow, DataType::Int64))
/// #     }
/// # }
/// levada_udf_sdk::export! {
///     udtf "org.example.Adder" => Adder::default(),
/// }
/// ```
///
/// On other targets than WASM it does nothing, so that a crate's own tests run natively.
#[macro_export]
macro_rules! export {
    ($($kind:ident $id:literal => $make:expr),+ $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Functions;

            impl $crate::guest::Library for Functions {
                #[allow(unused_variables)]
                fn udtf(id: &str) -> Option<Box<dyn $crate::Udtf>> {
                    $($crate::export!(@udtf $kind id $id $make);)+
                    None
                }

                #[allow(unused_variables)]
                fn udaf(id: &str) -> Option<Box<dyn $crate::AnyUdaf>> {
                    $($crate::export!(@udaf $kind id $id $make);)+
                    None
                }
            }

            type FunctionExports = $crate::guest::Exports<Functions>;
            $crate::guest::bindings::export_bindings!(FunctionExports with_types_in $crate::guest::bindings);
        };

        $($crate::export!(@declare $kind $id);)+
    };
    (@udtf udtf $given:ident $id:literal $make:expr) => {
        if $given == $id {
            return Some(Box::new($make));
        }
    };
    (@udtf udaf $given:ident $id:literal $make:expr) => {};
    (@udaf udaf $given:ident $id:literal $make:expr) => {
        if $given == $id {
            return Some(Box::new($crate::States::new($make)));
        }
    };
    (@udaf udtf $given:ident $id:literal $make:expr) => {};
    (@declare udtf $id:literal) => { $crate::export!(@record 0 $id); };
    (@declare udaf $id:literal) => { $crate::export!(@record 1 $id); };
    (@record $kind:literal $id:literal) => {
        const _: () = {
            const RECORD: [u8; 4 + $id.len()] = $crate::declaration($kind, $id);
            // Where the host looks for what a module has.
            #[cfg_attr(target_arch = "wasm32", unsafe(link_section = "levada-udf"))]
            #[used]
            static DECLARATION: [u8; 4 + $id.len()] = RECORD;
        };
    };
}

/// A record of the section `levada-udf`, of `N - 4` bytes of id.
#[doc(hidden)]
pub const fn declaration<const N: usize>(kind: u8, id: &str) -> [u8; N] {
    assert!(id.len() + 4 == N && id.len() <= u16::MAX as usize, "an id of 64 KiB at most");
    let mut record = [0; N];
    let [low, high] = (id.len() as u16).to_le_bytes();
    (record[0], record[1], record[2], record[3]) = (1, kind, low, high);
    let mut at = 4;
    while at < N {
        record[at] = id.as_bytes()[at - 4];
        at += 1;
    }
    record
}
