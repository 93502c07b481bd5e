"""What the pages ask of the snapshot: one module a page; an open reader in, frames out."""
