"""The dbt project: parsed, built (with dbt or with statements it rendered before), and traced."""
