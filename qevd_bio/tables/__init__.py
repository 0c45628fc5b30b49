"""Every Arrow schema, with units and descriptions in the field metadata."""
