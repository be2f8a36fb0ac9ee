"""Using trained models: foreign checkpoints now, recognisers and export later."""
