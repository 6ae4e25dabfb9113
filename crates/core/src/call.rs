//! The methods that are called.

/// A method of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller that counts quota tells them apart"
)]
pub enum Call {
    /// Cancels an operation.
    Cancel,
    /// Gets an operation.
    Get,
    /// Lists the operations of a parent.
    ListOperations,
    /// Gets the parent of an operation.
    GetParent,
    /// Lists the parents of operations.
    ListParents,
}

impl Call {
    /// Every method, in order.
    pub const ALL: [Self; 5] = [
        Self::Cancel,
        Self::Get,
        Self::ListOperations,
        Self::GetParent,
        Self::ListParents,
    ];

    /// `cancel`, `get`, `list_operations`, `get_parent` or `list_parents`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Get => "get",
            Self::ListOperations => "list_operations",
            Self::GetParent => "get_parent",
            Self::ListParents => "list_parents",
        }
    }

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
