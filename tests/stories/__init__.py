"""Stories with real processes: what an operator, a manager and people live through."""
