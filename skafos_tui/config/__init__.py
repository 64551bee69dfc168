"""metis.config.yml to the model and back: places, findings, exact edits, fire times, schema."""
