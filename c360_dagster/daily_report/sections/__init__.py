"""The sections of the report's page, one file for each kind of question."""
