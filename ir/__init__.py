"""The circuit: arrays of gates, its builder, formats, meaning and checker."""

from lithify.ir.cache import keep_jitted

# Before any module of the project asks numba for its cache: it would end with an error.
keep_jitted()
