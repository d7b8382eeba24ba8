"""The features, one line each, by what they are about; `features.registry` lists them all."""
