//! The methods that are called.

use crate::words::words;

words! {
    /// A method of the API.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[expect(
        clippy::exhaustive_enums,
        reason = "a caller that counts quota tells them apart"
    )]
    pub enum Call {
        /// Cancels an operation.
        Cancel = "cancel",
        /// Gets an operation.
        Get = "get",
        /// Lists the operations of a parent.
        ListOperations = "list_operations",
        /// Gets the parent of an operation.
        GetParent = "get_parent",
        /// Lists the parents of operations.
        ListParents = "list_parents",
    }
}

impl Call {
    /// The longest response that is read, in bytes: 64 KiB, and 4 MiB for a page of a list. A response
    /// about one resource is far below the first, the largest page below the second.
    #[must_use]
    pub const fn body_cap(self) -> u32 {
        match self {
            Self::Cancel | Self::Get | Self::GetParent => 64 << 10,
            Self::ListOperations | Self::ListParents => 4 << 20,
        }
    }
}
