/* Included by kernel.c once for every vector width: WORDS of 64 bits, TARGET's instructions. */

#define LANES (64 * WORDS)
#define FN static TARGET
#define INLINE static inline __attribute__((always_inline)) TARGET
#define VEC NAME(vec)

#if WORDS == 1
typedef uint64_t VEC;
#else
typedef uint64_t VEC __attribute__((vector_size(8 * WORDS), may_alias));
#endif

/* Row r, bit s of each lane <- row s, bit r. */
FN void NAME(transpose)(VEC *rows) {
    static const uint64_t masks[6] = {0x00000000ffffffffu, 0x0000ffff0000ffffu, 0x00ff00ff00ff00ffu,
                                      0x0f0f0f0f0f0f0f0fu, 0x3333333333333333u, 0x5555555555555555u};
    for (int step = 0, j = 32; j; j >>= 1, step++) {
        const uint64_t mask = masks[step];
        for (int base = 0; base < 64; base += 2 * j) {
            for (int k = base; k < base + j; k++) {
                VEC t = ((rows[k] >> j) ^ rows[k + j]) & mask;
                rows[k + j] ^= t;
                rows[k] ^= t << j;
            }
        }
    }
}

/* Slot number `place` of those packed in 64 bits, as an offset in bytes. */
#define SLOT_SHIFT (WORDS == 8 ? 6 : WORDS == 4 ? 5 : WORDS == 2 ? 4 : 3)
#define OFFSET(INDEX, packed, place)                                                               \
    ((8 * (int)sizeof(INDEX) * (place) >= SLOT_SHIFT                                               \
          ? (packed) >> ((8 * (int)sizeof(INDEX) * (place) - SLOT_SHIFT) & 63)                     \
          : (packed) << ((SLOT_SHIFT - 8 * (int)sizeof(INDEX) * (place)) & 63)) &                  \
     ((uint64_t)(INDEX)-1 << SLOT_SHIFT))
#define AT(offset) (*(VEC *)(void *)((char *)s + (offset)))

#define AND(x, y) ((x) & (y))
#define AND_NOT(x, y) ((x) & ~(y))
#define OR(x, y) ((x) | (y))
#define XOR(x, y) ((x) ^ (y))

/* Slots of the next four gates: all are read before any is written. One load for each slot number
   is quicker only where the vectors are as small as the numbers are many. */
#if LITTLE_ENDIAN_HOST && WORDS > 1
#define PLACE_uint16_t(i) OFFSET(uint16_t, packed[(i) / 4], (i) % 4)
#define PLACE_uint32_t(i) OFFSET(uint32_t, packed[(i) / 2], (i) % 2)
#define LOAD(k) memcpy(&packed[k], (const char *)t + 8 * (k), 8)
#define UNPACK_uint16_t uint64_t packed[3]; LOAD(0); LOAD(1); LOAD(2)
#define UNPACK_uint32_t uint64_t packed[6]; LOAD(0); LOAD(1); LOAD(2); LOAD(3); LOAD(4); LOAD(5)
#else
#define PLACE_uint16_t(i) ((uint64_t)t[i] << SLOT_SHIFT)
#define PLACE_uint32_t(i) ((uint64_t)t[i] << SLOT_SHIFT)
#define UNPACK_uint16_t (void)0
#define UNPACK_uint32_t (void)0
#endif
#define PLACE(INDEX, i) PLACE_##INDEX(i)

#define RUN(INDEX, count, OP)                                                                      \
    for (stop = t + 12 * (int64_t)((count) / 4); t < stop; t += 12) {                              \
        UNPACK_##INDEX;                                                                            \
        VEC r0 = OP(AT(PLACE(INDEX, 0)), AT(PLACE(INDEX, 1)));                                     \
        VEC r1 = OP(AT(PLACE(INDEX, 3)), AT(PLACE(INDEX, 4)));                                     \
        VEC r2 = OP(AT(PLACE(INDEX, 6)), AT(PLACE(INDEX, 7)));                                     \
        VEC r3 = OP(AT(PLACE(INDEX, 9)), AT(PLACE(INDEX, 10)));                                    \
        AT(PLACE(INDEX, 2)) = r0;                                                                  \
        AT(PLACE(INDEX, 5)) = r1;                                                                  \
        AT(PLACE(INDEX, 8)) = r2;                                                                  \
        AT(PLACE(INDEX, 11)) = r3;                                                                 \
    }                                                                                              \
    for (stop = t + 3 * (int64_t)((count) % 4); t < stop; t += 3) {                                \
        s[t[2]] = OP(s[t[0]], s[t[1]]);                                                            \
    }

#define GATES(INDEX)                                                                               \
    FN void NAME(gates_##INDEX##_)(const net_program *program, VEC *s) {                           \
        const INDEX *t = program->operands, *stop;                                                 \
        const uint32_t *counts = program->rounds;                                                  \
        const uint32_t *end = counts + 6 * program->num_rounds;                                    \
        for (; counts < end; counts += 6) {                                                        \
            RUN(INDEX, counts[0], AND)                                                             \
            RUN(INDEX, counts[1], AND_NOT)                                                         \
            RUN(INDEX, counts[2], OR)                                                              \
            RUN(INDEX, counts[3], XOR)                                                             \
            RUN(INDEX, counts[4], OR)                                                              \
            RUN(INDEX, counts[5], AND_NOT)                                                         \
        }                                                                                          \
    }
GATES(uint16_t)
GATES(uint32_t)

FN void NAME(gates)(const net_program *program, void *state) {
    if (program->wide) {
        NAME(gates_uint32_t_)(program, state);
    } else {
        NAME(gates_uint16_t_)(program, state);
    }
}

/* Bit `bit` of each of 64 bytes, the first byte's lowest. */
INLINE uint64_t NAME(column)(const uint8_t *row, int bit) {
#if ON_X86 && WORDS == 8
    __m512i bytes = _mm512_loadu_si512((const void *)row);
    return _mm512_test_epi8_mask(bytes, _mm512_set1_epi8((char)(1 << bit)));
#elif ON_X86 && WORDS == 4
    __m256i lower = _mm256_loadu_si256((const __m256i *)(const void *)row);
    __m256i upper = _mm256_loadu_si256((const __m256i *)(const void *)(row + 32));
    uint32_t a = (uint32_t)_mm256_movemask_epi8(_mm256_slli_epi64(lower, 7 - bit));
    uint32_t b = (uint32_t)_mm256_movemask_epi8(_mm256_slli_epi64(upper, 7 - bit));
    return (uint64_t)b << 32 | a;
#elif defined(__SSE2__)
    uint64_t word = 0;
    for (int i = 0; i < 4; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(row + 16 * i));
        uint32_t part = (uint32_t)_mm_movemask_epi8(_mm_slli_epi64(bytes, 7 - bit));
        word |= (uint64_t)part << (16 * i);
    }
    return word;
#else
    uint64_t word = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t bytes;
        memcpy(&bytes, row + 8 * i, 8);
#if !LITTLE_ENDIAN_HOST
        bytes = __builtin_bswap64(bytes);
#endif
        bytes = (bytes >> bit) & 0x0101010101010101u;
        word |= (bytes * 0x0102040810204080u >> 56) << (8 * i);
    }
    return word;
#endif
}

FN int NAME(convert)(const net_job *job, uint8_t *row, const uint8_t *source, int64_t count,
                     int shift) {
    const int is_signed = (int)job->item_signed;
    switch (job->item_bytes) {
    case 1:
        return convert_uint8_t(row, source, count, shift, is_signed);
    case 2:
        return convert_uint16_t(row, source, count, shift, is_signed);
    case 4:
        return convert_uint32_t(row, source, count, shift, is_signed);
    default:
        return convert_uint64_t(row, source, count, shift, is_signed);
    }
}

FN int NAME(outside)(const net_job *job, const uint8_t *source, int64_t element, int64_t count) {
    switch (job->item_bytes) {
    case 1:
        return outside_uint8_t(source, (const uint8_t *)job->low + element,
                               (const uint8_t *)job->span + element, count);
    case 2:
        return outside_uint16_t(source, (const uint16_t *)job->low + element,
                                (const uint16_t *)job->span + element, count);
    case 4:
        return outside_uint32_t(source, (const uint32_t *)job->low + element,
                                (const uint32_t *)job->span + element, count);
    default:
        return outside_uint64_t(source, (const uint64_t *)job->low + element,
                                (const uint64_t *)job->span + element, count);
    }
}

/* Up to 64 elements of one field, for `samples` samples, into their planes. */
FN int NAME(pack_chunk)(const net_job *job, int64_t first, int64_t samples, int64_t element,
                        int64_t count, int width, VEC *planes) {
    uint64_t tile[8][64 * WORDS] __attribute__((aligned(64)));
    uint8_t row[64] __attribute__((aligned(64)));
    int bad = 0;
    memset(row, 0, sizeof row);
    for (int shift = 0; shift < width; shift += 8) {
        const int bits = width - shift < 8 ? width - shift : 8;
        const int direct = job->item_bytes == 1 && shift == 0 && count == 64;
        if (samples < LANES) {
            memset(tile, 0, (size_t)bits * sizeof tile[0]);
        }
        for (int64_t i = 0; i < samples; i++) {
            const uint8_t *source =
                (const uint8_t *)job->codes + (first + i) * job->row_bytes + element * job->item_bytes;
            const uint8_t *bytes = source;
            uint64_t *cell = &tile[0][(i & 63) * WORDS + (i >> 6)];
            if (shift == 0 && job->low) {
                bad |= NAME(outside)(job, source, element, count);
            }
            if (!direct) {
                NAME(convert)(job, row, source, count, shift);
                bytes = row;
            }
            for (int k = 0; k < bits; k++) {
                cell[k * 64 * WORDS] = NAME(column)(bytes, k);
            }
        }
        for (int k = 0; k < bits; k++) {
            VEC *rows = (VEC *)(void *)tile[k];
            NAME(transpose)(rows);
            for (int64_t e = 0; e < count; e++) {
                planes[e * width + shift + k] = rows[e];
            }
        }
    }
    return bad;
}

FN int NAME(pack)(const net_program *program, const net_job *job, int64_t first, int64_t samples,
                  VEC *state) {
    int bad = 0;
    for (int64_t f = 0; f < program->num_fields; f++) {
        const int32_t *field = program->fields + 4 * f;
        for (int64_t c = 0; c < field[1]; c += 64) {
            const int64_t count = field[1] - c < 64 ? field[1] - c : 64;
            VEC *planes = state + field[3] + c * field[2];
            bad |= NAME(pack_chunk)(job, first, samples, field[0] + c, count, field[2], planes);
        }
    }
    return bad;
}

FN void NAME(load_planes)(const net_program *program, const net_job *job, int64_t first,
                          int64_t samples, VEC *state) {
    const int64_t words = (samples + 63) / 64;
    for (int64_t p = 0; p < program->input_bits; p++) {
        const uint64_t *source = job->planes + p * job->plane_words + first / 64;
        uint64_t lanes[WORDS] __attribute__((aligned(64)));
        for (int64_t i = 0; i < WORDS; i++) {
            lanes[i] = i < words ? source[i] : 0;
        }
        memcpy(&state[p], lanes, sizeof lanes);
    }
}

/* One more bit of weight 2^from in the counter. */
INLINE void NAME(ripple)(VEC *counter, VEC carry, int from, int bits) {
    for (int i = from; i < bits; i++) {
        VEC next = counter[i] & carry;
        counter[i] ^= carry;
        carry = next;
    }
}

#define CSA(high, low, x, y, z)                                                                    \
    do {                                                                                           \
        VEC x_ = (x), y_ = (y), z_ = (z), u_ = x_ ^ y_;                                            \
        high = (x_ & y_) | (u_ & z_);                                                              \
        low = u_ ^ z_;                                                                             \
    } while (0)

/* Terms of weight 2^at, sixteen at a time through a tree of carry-save adders. */
FN void NAME(count_run)(VEC *counter, int at, int bits, uint64_t flip, const uint32_t *terms,
                        int64_t count, const VEC *state) {
#define TERM(i) (state[terms[i]] ^ flip)
    for (; count >= 16; count -= 16, terms += 16) {
        VEC *c = counter + at;
        VEC ones = c[0], twos = c[1], fours = c[2], eights = c[3], sixteens;
        VEC two_a, two_b, four_a, four_b, eight_a, eight_b;
        CSA(two_a, ones, ones, TERM(0), TERM(1));
        CSA(two_b, ones, ones, TERM(2), TERM(3));
        CSA(four_a, twos, twos, two_a, two_b);
        CSA(two_a, ones, ones, TERM(4), TERM(5));
        CSA(two_b, ones, ones, TERM(6), TERM(7));
        CSA(four_b, twos, twos, two_a, two_b);
        CSA(eight_a, fours, fours, four_a, four_b);
        CSA(two_a, ones, ones, TERM(8), TERM(9));
        CSA(two_b, ones, ones, TERM(10), TERM(11));
        CSA(four_a, twos, twos, two_a, two_b);
        CSA(two_a, ones, ones, TERM(12), TERM(13));
        CSA(two_b, ones, ones, TERM(14), TERM(15));
        CSA(four_b, twos, twos, two_a, two_b);
        CSA(eight_b, fours, fours, four_a, four_b);
        CSA(sixteens, eights, eights, eight_a, eight_b);
        c[0] = ones;
        c[1] = twos;
        c[2] = fours;
        c[3] = eights;
        NAME(ripple)(counter, sixteens, at + 4, bits);
    }
    for (; count >= 2; count -= 2, terms += 2) {
        VEC carry;
        CSA(carry, counter[at], counter[at], TERM(0), TERM(1));
        NAME(ripple)(counter, carry, at + 1, bits);
    }
    if (count) {
        NAME(ripple)(counter, TERM(0), at, bits);
    }
#undef TERM
}

/* Scores of one block: bit-sliced sums side by side in a tile, turned once for all of them. */
FN void NAME(scores)(const net_program *program, const VEC *state, int64_t samples, int32_t *out32,
                     int64_t *out64) {
    const int bits = (int)program->score_bits;
    const int field = bits <= 8 ? 8 : bits <= 16 ? 16 : bits <= 32 ? 32 : 64;
    const uint64_t mask = field == 64 ? ~(uint64_t)0 : ((uint64_t)1 << field) - 1;
    const int64_t scores = program->num_scores;
    const uint32_t *terms = program->terms;
    int64_t run = 0;
    for (int64_t c = 0; c < scores; c += 64 / field) {
        const int group = (int)(scores - c < 64 / field ? scores - c : 64 / field);
        VEC tile[64];
        memset(tile, 0, sizeof tile);
        for (; run < program->num_runs && program->runs[4 * run] < c + group; run++) {
            const int32_t *r = program->runs + 4 * run;
            NAME(count_run)(tile + field * (r[0] - c), r[1], bits, r[2] ? ~(uint64_t)0 : 0, terms,
                            r[3], state);
            terms += r[3];
        }
        NAME(transpose)(tile);
        for (int64_t i = 0; i < samples; i++) {
            uint64_t word = ((const uint64_t *)(const void *)tile)[(i & 63) * WORDS + (i >> 6)];
            for (int k = 0; k < group; k++) {
                int64_t value = program->biases[c + k] + (int64_t)(word & mask);
                if (out32) {
                    out32[i * scores + c + k] = (int32_t)value;
                } else {
                    out64[i * scores + c + k] = value;
                }
                word = field == 64 ? 0 : word >> field;
            }
        }
    }
}

FN void NAME(argmax)(const net_program *program, int64_t samples, const int32_t *out32,
                     const int64_t *out64, int64_t *classes) {
    const int64_t scores = program->num_scores;
    for (int64_t i = 0; i < samples; i++) {
        int64_t best = 0;
        if (out32) {
            const int32_t *row = out32 + i * scores;
            int32_t top = row[0];
            for (int64_t c = 1; c < scores; c++) {
                best = row[c] > top ? c : best;
                top = row[c] > top ? row[c] : top;
            }
        } else {
            for (int64_t c = 1; c < scores; c++) {
                best = out64[i * scores + c] > out64[i * scores + best] ? c : best;
            }
        }
        classes[i] = best;
    }
}

/* Word elements of one block: as many as fit in 64 rows, turned, cut out, signs extended. */
FN void NAME(words)(const net_program *program, const VEC *state, int64_t samples, int64_t *out) {
    const int64_t elements = program->num_word_elements;
    const int32_t *fields = program->word_fields;
    int64_t bit = 0;
    for (int64_t start = 0, stop; start < elements; start = stop) {
        VEC tile[64];
        int rows = 0;
        memset(tile, 0, sizeof tile);
        for (stop = start; stop < elements && rows + fields[2 * stop] <= 64; stop++) {
            for (int k = 0; k < fields[2 * stop]; k++, bit++) {
                const uint64_t *masks = program->word_masks + 2 * bit;
                tile[rows++] = (state[program->word_slots[bit]] & masks[0]) ^ masks[1];
            }
        }
        NAME(transpose)(tile);
        for (int64_t i = 0; i < samples; i++) {
            uint64_t word = ((const uint64_t *)(const void *)tile)[(i & 63) * WORDS + (i >> 6)];
            for (int64_t e = start; e < stop; e++) {
                const int width = fields[2 * e];
                uint64_t value = width == 64 ? word : word & (((uint64_t)1 << width) - 1);
                if (fields[2 * e + 1] && width < 64 && value >> (width - 1)) {
                    value |= ~(uint64_t)0 << width;
                }
                memcpy(&out[i * elements + e], &value, 8);
                word = width == 64 ? 0 : word >> width;
            }
        }
    }
}

FN int NAME(block)(const net_program *program, const net_job *job, int64_t first, int64_t samples) {
    VEC *state = job->workspace;
    const int64_t scores = program->num_scores;
    if (job->codes) {
        if (NAME(pack)(program, job, first, samples, state)) {
            return 1;
        }
    } else {
        NAME(load_planes)(program, job, first, samples, state);
    }
    NAME(gates)(program, state);
    if (scores && (job->scores32 || job->scores64 || job->classes)) {
        void *kept = (char *)job->workspace + kept_scores(program, WORDS);
        int32_t *out32 = job->scores32 ? job->scores32 + first * scores : kept;
        int64_t *out64 = job->scores64 ? job->scores64 + first * scores : kept;
        out32 = program->wide_scores ? 0 : out32;
        out64 = program->wide_scores ? out64 : 0;
        NAME(scores)(program, state, samples, out32, out64);
        if (job->classes) {
            NAME(argmax)(program, samples, out32, out64, job->classes + first);
        }
    }
    if (job->words) {
        NAME(words)(program, state, samples, job->words + first * program->num_word_elements);
    }
    return 0;
}

#undef LANES
#undef FN
#undef INLINE
#undef VEC
#undef CSA
#undef SLOT_SHIFT
#undef OFFSET
#undef AT
#undef AND
#undef AND_NOT
#undef OR
#undef XOR
#undef PLACE_uint16_t
#undef PLACE_uint32_t
#undef LOAD
#undef UNPACK_uint16_t
#undef UNPACK_uint32_t
#undef PLACE
#undef RUN
#undef GATES
