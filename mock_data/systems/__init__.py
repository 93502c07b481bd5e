"""How each of the retailer's systems sees the world: one module a landing folder."""
