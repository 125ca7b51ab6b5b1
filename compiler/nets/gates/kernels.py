"""Compiled loops over mixtures of two-input gates, on numpy arrays.

A unit mixes K gates, each with a share, a table and two operands of its own. `spread` consecutive
units have shares and tables in common and differ in their operands alone: the positions of a
convolution; a dense layer has a spread of 1. A table enters through the row of `BASIS` that holds
its multilinear coefficients (1, a, b, ab).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithify.ir.jit import njit

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int32]

# Samples worked on at a time, so that the rows which a layer gathers stay in a core's cache.
SAMPLES = 256
# Sums may be reordered, which vector units need; numbers that are not finite stay what they are.
MATH = {"reassoc", "contract", "nsz"}


def multilinear() -> NDArray[np.float32]:
    """The coefficients `[16, 4]` of every two-input table, bit `a + 2*b` its output."""
    f0, f1, f2, f3 = ((np.arange(16) >> i) & 1 for i in range(4))
    return np.stack((f0, f1 - f0, f2 - f0, f3 - f2 - f1 + f0), axis=1).astype(np.float32)


BASIS = multilinear()


@njit(fastmath=MATH)
def gates(x: Floats, coefficients: Floats, wires: Ints, spread: int, y: Floats) -> None:
    """Fill `y [units, batch]` with gates of their own coefficients over `x [inputs, batch]`."""
    for unit in range(wires.shape[1]):
        c0, c1, c2, c3 = coefficients[:, unit // spread]
        a = x[wires[0, unit]]
        b = x[wires[1, unit]]
        out = y[unit]
        for i in range(len(out)):
            out[i] = (c0 + c1 * a[i]) + (c2 + c3 * a[i]) * b[i]


@njit(fastmath=MATH)
def gates_to_inputs(
    x: Floats,
    g: Floats,
    coefficients: Floats,
    wires: Ints,
    spread: int,
    to_coefficients: Floats,
    to_x: Floats,
) -> None:
    """Add the gradients of coefficients and inputs, given that of the outputs, `g`."""
    for unit in range(wires.shape[1]):
        row = unit // spread
        _, c1, c2, c3 = coefficients[:, row]
        up = g[unit]
        a = x[wires[0, unit]]
        b = x[wires[1, unit]]
        to_a = to_x[wires[0, unit]]
        to_b = to_x[wires[1, unit]]
        s0 = up.sum()
        s1, s2, s3 = s0 * 0, s0 * 0, s0 * 0
        for i in range(len(up)):
            ga = up[i] * a[i]
            gb = up[i] * b[i]
            s1 += ga
            s2 += gb
            s3 += ga * b[i]
            to_a[i] += c1 * up[i] + c3 * gb
        for i in range(len(up)):
            to_b[i] += c2 * up[i] + c3 * (up[i] * a[i])
        to_coefficients[0, row] += s0
        to_coefficients[1, row] += s1
        to_coefficients[2, row] += s2
        to_coefficients[3, row] += s3


@njit(fastmath=MATH)
def mix(
    x: Floats, shares: Floats, tables: Ints, wires: Ints, spread: int, basis: Floats, y: Floats
) -> None:
    """Fill `y [units, batch]` with mixtures of gates over `x [inputs, batch]`."""
    units, count = wires.shape[1], wires.shape[2]
    for start in range(0, x.shape[1], SAMPLES):
        stop = min(start + SAMPLES, x.shape[1])
        for unit in range(units):
            row = unit // spread
            out = y[unit, start:stop]
            out[:] = 0
            for k in range(count):
                c = basis[tables[row, k]]
                share = shares[row, k]
                c0, c1, c2, c3 = share * c[0], share * c[1], share * c[2], share * c[3]
                a = x[wires[0, unit, k], start:stop]
                b = x[wires[1, unit, k], start:stop]
                for i in range(stop - start):
                    out[i] += (c0 + c1 * a[i]) + (c2 + c3 * a[i]) * b[i]


@njit(fastmath=MATH)
def mix_to_shares(
    x: Floats, g: Floats, tables: Ints, wires: Ints, spread: int, basis: Floats, to_shares: Floats
) -> None:
    """Add to `to_shares` the gradient of the shares, given that of the outputs, `g`."""
    units, count = wires.shape[1], wires.shape[2]
    for start in range(0, x.shape[1], SAMPLES):
        stop = min(start + SAMPLES, x.shape[1])
        for unit in range(units):
            row = unit // spread
            up = g[unit, start:stop]
            s0 = up.sum()
            for k in range(count):
                a = x[wires[0, unit, k], start:stop]
                b = x[wires[1, unit, k], start:stop]
                s1, s2, s3 = s0 * 0, s0 * 0, s0 * 0
                for i in range(stop - start):
                    ga = up[i] * a[i]
                    s1 += ga
                    s2 += up[i] * b[i]
                    s3 += ga * b[i]
                c = basis[tables[row, k]]
                to_shares[row, k] += c[0] * s0 + c[1] * s1 + c[2] * s2 + c[3] * s3


@njit(fastmath=MATH)
def mix_to_inputs(
    x: Floats,
    g: Floats,
    shares: Floats,
    tables: Ints,
    wires: Ints,
    spread: int,
    basis: Floats,
    to_shares: Floats,
    to_x: Floats,
) -> None:
    """Like `mix_to_shares`, and add to `to_x` the gradient of the inputs."""
    units, count = wires.shape[1], wires.shape[2]
    for start in range(0, x.shape[1], SAMPLES):
        stop = min(start + SAMPLES, x.shape[1])
        for unit in range(units):
            row = unit // spread
            up = g[unit, start:stop]
            s0 = up.sum()
            for k in range(count):
                c = basis[tables[row, k]]
                share = shares[row, k]
                c1, c2, c3 = share * c[1], share * c[2], share * c[3]
                a = x[wires[0, unit, k], start:stop]
                b = x[wires[1, unit, k], start:stop]
                to_a = to_x[wires[0, unit, k], start:stop]
                to_b = to_x[wires[1, unit, k], start:stop]
                s1, s2, s3 = s0 * 0, s0 * 0, s0 * 0
                for i in range(stop - start):
                    ga = up[i] * a[i]
                    gb = up[i] * b[i]
                    s1 += ga
                    s2 += gb
                    s3 += ga * b[i]
                    to_a[i] += c1 * up[i] + c3 * gb
                for i in range(stop - start):
                    to_b[i] += c2 * up[i] + c3 * (up[i] * a[i])
                to_shares[row, k] += c[0] * s0 + c[1] * s1 + c[2] * s2 + c[3] * s3
