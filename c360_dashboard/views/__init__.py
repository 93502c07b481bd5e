"""How the pages look: one module per page, each with one function that draws it."""
