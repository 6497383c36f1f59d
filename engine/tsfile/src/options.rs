//! Options of writers, limits of readers.

/// How pages are cut and how the index is built. The defaults are the peer's.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct WriterOptions {
    /// The most rows in a page.
    pub page_points: usize,
    /// The most bytes of a column's values in a page, before encoding; a page has at least one row, whatever its size.
    pub page_bytes: usize,
    /// The most entries in an index node; at least 2.
    pub index_degree: usize,
    /// The rate of false positives of the bloom filter: 0.01 to 0.1.
    pub bloom_error: f64,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { page_points: 10_000, page_bytes: 64 << 10, index_degree: 256, bloom_error: 0.05 }
    }
}

impl WriterOptions {
    /// These options with other sizes of pages.
    #[must_use]
    pub const fn pages(mut self, points: usize, bytes: usize) -> Self {
        self.page_points = points;
        self.page_bytes = bytes;
        self
    }

    /// These options with another number of entries in an index node.
    #[must_use]
    pub const fn degree(mut self, degree: usize) -> Self {
        self.index_degree = degree;
        self
    }
}

/// Limits on what a reader reads at once, whatever a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadLimits {
    /// The most bytes of a page after decompression.
    pub page_bytes: usize,
    /// The most rows of a page.
    pub page_points: usize,
    /// The most pages of a chunk.
    pub chunk_pages: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { page_bytes: 256 << 20, page_points: 16 << 20, chunk_pages: 1 << 20 }
    }
}

impl ReadLimits {
    /// These limits with another one for the bytes of a page.
    #[must_use]
    pub const fn page_bytes(mut self, bytes: usize) -> Self {
        self.page_bytes = bytes;
        self
    }

    /// These limits with another one for the rows of a page.
    #[must_use]
    pub const fn page_points(mut self, points: usize) -> Self {
        self.page_points = points;
        self
    }
}

/// The longest string or binary value that can be written, in bytes: less than the page size readers accept by default.
pub const LONGEST_VALUE: usize = 255 << 20;
