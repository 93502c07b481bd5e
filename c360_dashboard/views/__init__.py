"""How the pages look: one module a page, each with one function that draws it."""
