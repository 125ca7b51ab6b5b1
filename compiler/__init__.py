"""From a trained net to an optimised, proved circuit."""
