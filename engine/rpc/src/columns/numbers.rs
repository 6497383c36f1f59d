//! Arrays of numbers to big-endian bytes and back, in bulk.

use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray, builder::BooleanBufferBuilder};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::thrift::WireError;

/// A number of fixed width.
pub(crate) trait BigEndian: Copy + Default {
    const BYTES: usize;
    fn put(self, to: &mut [u8]);
    fn get(from: &[u8]) -> Self;
}

macro_rules! big_endian {
    ($($type:ty),*) => {$(
        impl BigEndian for $type {
            const BYTES: usize = size_of::<$type>();
            fn put(self, to: &mut [u8]) {
                to.copy_from_slice(&self.to_be_bytes());
            }
            fn get(from: &[u8]) -> Self {
                let mut bytes = [0; size_of::<$type>()];
                bytes.copy_from_slice(from);
                Self::from_be_bytes(bytes)
            }
        }
    )*};
}

big_endian!(i32, i64, f32, f64);

/// Appends all values, those of nulls as well.
pub(super) fn put_all<T: BigEndian>(values: &[T], to: &mut BytesMut) {
    let from = to.len();
    to.put_bytes(0, values.len() * T::BYTES);
    for (place, value) in to[from..].chunks_exact_mut(T::BYTES).zip(values) {
        value.put(place);
    }
}

/// Appends the values that are not null.
pub(super) fn put_valid<P: ArrowPrimitiveType<Native: BigEndian>>(
    array: &PrimitiveArray<P>,
    to: &mut BytesMut,
) {
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => put_all(array.values(), to),
        Some(nulls) => {
            let from = to.len();
            let count = nulls.len() - nulls.null_count();
            to.put_bytes(0, count * P::Native::BYTES);
            let places = to[from..].chunks_exact_mut(P::Native::BYTES);
            for (place, row) in places.zip(nulls.valid_indices()) {
                array.value(row).put(place);
            }
        }
    }
}

/// Takes `count` bytes.
pub(crate) fn take(from: &mut Bytes, count: usize, what: &'static str) -> Result<Bytes, WireError> {
    if from.len() < count {
        return Err(WireError::Ends { what, needed: count, left: from.len() });
    }
    Ok(from.split_to(count))
}

/// One byte.
pub(crate) fn take_byte(from: &mut Bytes, what: &'static str) -> Result<u8, WireError> {
    Ok(take(from, 1, what)?[0])
}

/// A length or count.
pub(crate) fn take_count(from: &mut Bytes, what: &'static str) -> Result<usize, WireError> {
    let count = take(from, 4, what)?.get_i32();
    let left = from.len();
    usize::try_from(count).map_err(|_| WireError::Length { what, length: count.into(), left })
}

/// As many values as there are rows.
pub(crate) fn get_all<P: ArrowPrimitiveType<Native: BigEndian>>(
    rows: usize,
    nulls: Option<NullBuffer>,
    from: &mut Bytes,
) -> Result<PrimitiveArray<P>, WireError> {
    let bytes = take(from, rows.saturating_mul(P::Native::BYTES), "a column")?;
    let values: Vec<_> = bytes.chunks_exact(P::Native::BYTES).map(P::Native::get).collect();
    Ok(PrimitiveArray::new(ScalarBuffer::from(values), nulls))
}

/// Values for the rows that are not null.
pub(super) fn get_valid<P: ArrowPrimitiveType<Native: BigEndian>>(
    rows: usize,
    nulls: Option<NullBuffer>,
    from: &mut Bytes,
) -> Result<PrimitiveArray<P>, WireError> {
    let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) else {
        return get_all(rows, None, from);
    };
    let count = nulls.len() - nulls.null_count();
    let bytes = take(from, count * P::Native::BYTES, "a column")?;
    let mut values = vec![P::Native::default(); rows];
    for (row, each) in nulls.valid_indices().zip(bytes.chunks_exact(P::Native::BYTES)) {
        values[row] = P::Native::get(each);
    }
    Ok(PrimitiveArray::new(ScalarBuffer::from(values), Some(nulls)))
}

/// `rows` bits, the highest of each byte first.
pub(super) fn get_bits(
    rows: usize,
    from: &mut Bytes,
    what: &'static str,
) -> Result<BooleanBuffer, WireError> {
    let bytes = take(from, rows.div_ceil(8), what)?;
    let turned: Vec<u8> = bytes.iter().map(|byte| byte.reverse_bits()).collect();
    Ok(BooleanBuffer::new(turned.into(), 0, rows))
}

/// Appends bits, the highest of each byte first; padding bits are 0.
pub(super) fn put_bits(bits: &BooleanBuffer, to: &mut BytesMut) {
    to.extend(low_first(bits).iter().map(|byte| byte.reverse_bits()));
}

/// Bits packed into bytes, the lowest of each byte first; padding bits are 0.
pub(super) fn low_first(bits: &BooleanBuffer) -> Vec<u8> {
    let mut packed = BooleanBufferBuilder::new(bits.len());
    packed.append_buffer(bits);
    let mut bytes = packed.finish().into_inner().as_slice().to_vec();
    bytes.truncate(bits.len().div_ceil(8));
    if let Some(last) = bytes.last_mut()
        && !bits.len().is_multiple_of(8)
    {
        *last &= (1 << (bits.len() % 8)) - 1;
    }
    bytes
}
