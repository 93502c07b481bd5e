"""What the pages ask of the snapshot, one module per page: an open reader in, frames out."""
