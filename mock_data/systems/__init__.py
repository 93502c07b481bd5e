"""How the retailer's systems record the simulated people: one module for each landing folder."""
