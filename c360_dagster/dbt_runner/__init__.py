"""The dbt project: parsed, built by dbt or by sending what dbt rendered before, and traced."""
