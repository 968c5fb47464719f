"""Where image and text meet: examples become sequences, sequences become batches."""
