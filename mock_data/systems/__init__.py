"""How each of the retailer's systems records the simulated people: one module a landing folder."""
