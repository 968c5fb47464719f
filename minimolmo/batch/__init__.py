"""Image and text together: examples become sequences, sequences become batches."""
