"""Pictures, pages and tables of studies. Handed a study; imports none."""
