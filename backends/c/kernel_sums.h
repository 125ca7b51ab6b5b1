/* Included by kernel_body.h: counters of bits, and the sums that stand between gates. */

/* One more bit of weight 2^from in the counter. */
INLINE void NAME(ripple)(VEC *counter, VEC carry, int from, int bits) {
    for (int i = from; i < bits; i++) {
        VEC next = counter[i] & carry;
        counter[i] ^= carry;
        carry = next;
    }
}

#if WORDS == 8
#define TERNARY(x, y, z, table)                                                                    \
    ((VEC)_mm512_ternarylogic_epi64((__m512i)(x), (__m512i)(y), (__m512i)(z), table))
#define ALL_XOR(x, y, z) TERNARY(x, y, z, 0x96)
#define MAJORITY(x, y, z) TERNARY(x, y, z, 0xe8)
#else
#define ALL_XOR(x, y, z) ((x) ^ (y) ^ (z))
#define MAJORITY(x, y, z) (((x) & (y)) | (((x) ^ (y)) & (z)))
#endif
#define CSA(high, low, x, y, z)                                                                    \
    do {                                                                                           \
        VEC x_ = (x), y_ = (y), z_ = (z);                                                          \
        high = MAJORITY(x_, y_, z_);                                                               \
        low = ALL_XOR(x_, y_, z_);                                                                 \
    } while (0)

/* Terms of weight 2^at, sixteen at a time through a tree of carry-save adders. */
INLINE void NAME(count_terms)(VEC *counter, int at, int bits, uint64_t flip, const uint32_t *terms,
                              int64_t count, const VEC *state) {
#define TERM(i) (state[SLOT(terms[i])] ^ flip)
#define EIGHT_TERMS(eight, i)                                                                      \
    do {                                                                                           \
        CSA(two_a, ones, ones, TERM(i), TERM((i) + 1));                                            \
        CSA(two_b, ones, ones, TERM((i) + 2), TERM((i) + 3));                                      \
        CSA(four_a, twos, twos, two_a, two_b);                                                     \
        CSA(two_a, ones, ones, TERM((i) + 4), TERM((i) + 5));                                      \
        CSA(two_b, ones, ones, TERM((i) + 6), TERM((i) + 7));                                      \
        CSA(four_b, twos, twos, two_a, two_b);                                                     \
        CSA(eight, fours, fours, four_a, four_b);                                                  \
    } while (0)
    VEC *c = counter + at, two_a, two_b, four_a, four_b;
    for (; count >= 16; count -= 16, terms += 16) {
        VEC ones = c[0], twos = c[1], fours = c[2], eight_a, eight_b, sixteens;
        EIGHT_TERMS(eight_a, 0);
        EIGHT_TERMS(eight_b, 8);
        CSA(sixteens, c[3], c[3], eight_a, eight_b);
        c[0] = ones;
        c[1] = twos;
        c[2] = fours;
        NAME(ripple)(counter, sixteens, at + 4, bits);
    }
    if (count >= 8) {
        VEC ones = c[0], twos = c[1], fours = c[2], eights;
        EIGHT_TERMS(eights, 0);
        c[0] = ones;
        c[1] = twos;
        c[2] = fours;
        NAME(ripple)(counter, eights, at + 3, bits);
        count -= 8;
        terms += 8;
    }
    if (count >= 4) {
        VEC fours;
        CSA(two_a, c[0], c[0], TERM(0), TERM(1));
        CSA(two_b, c[0], c[0], TERM(2), TERM(3));
        CSA(fours, c[1], c[1], two_a, two_b);
        NAME(ripple)(counter, fours, at + 2, bits);
        count -= 4;
        terms += 4;
    }
    if (count >= 2) {
        VEC twos;
        CSA(twos, c[0], c[0], TERM(0), TERM(1));
        NAME(ripple)(counter, twos, at + 1, bits);
        count -= 2;
        terms += 2;
    }
    if (count) {
        NAME(ripple)(counter, TERM(0), at, bits);
    }
#undef EIGHT_TERMS
#undef TERM
}

FN void NAME(count_run)(VEC *counter, int at, int bits, int flip, const uint32_t *terms,
                        int64_t count, const VEC *state) {
    if (flip) {
        NAME(count_terms)(counter, at, bits, ~(uint64_t)0, terms, count, state);
    } else {
        NAME(count_terms)(counter, at, bits, 0, terms, count, state);
    }
}

/* The next sums: each sets its slot where the counter's top bit is set. */
FN void NAME(add)(int64_t count, const int64_t **sums, const int32_t **addends,
                  const uint32_t **pins, VEC *state) {
    for (; count > 0; count--, *sums += 4) {
        const int bits = (int)(*sums)[1];
        const int64_t runs = (*sums)[3];
        const int32_t *run = *addends, *last = run + 3 * runs;
        const uint32_t *pin = *pins;
        for (int part = 0; part < SPAN; part++) {
            VEC counter[64];
            for (int i = 0; i < bits; i++) {
                memset(counter + i, (*sums)[2] >> i & 1 ? 255 : 0, sizeof counter[i]);
            }
            for (run = *addends, pin = *pins; run < last; pin += run[2], run += 3) {
                NAME(count_run)(counter, run[0], bits, run[1], pin, run[2], state + part);
            }
            state[SLOT((*sums)[0]) + part] = counter[bits - 1];
        }
        *addends = run;
        *pins = pin;
    }
}
