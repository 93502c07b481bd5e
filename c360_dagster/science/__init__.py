"""Pure statistics: frames in, frames out. No Dagster, no database, no clock."""
