/* Included by kernel_body.h: slots into scores, classes and words. */

/* The sums of the next scores, as many as fit side by side in a tile, turned: a field each. */
FN void NAME(sums)(const net_program *program, const VEC *state, int field, int64_t score,
                   int group, int64_t *run, const uint32_t **terms, VEC *tile) {
    memset(tile, 0, 64 * sizeof tile[0]);
    for (; *run < program->num_runs && program->runs[4 * *run] < score + group; ++*run) {
        const int32_t *r = program->runs + 4 * *run;
        NAME(count_run)(tile + field * (r[0] - score), r[1], (int)program->score_bits, r[2],
                        *terms, r[3], state);
        *terms += r[3];
    }
    NAME(transpose)(tile);
}

/* Bits that a sum takes in a tile. */
INLINE int NAME(field)(const net_program *program) {
    const int bits = (int)program->score_bits;
    return bits <= 8 ? 8 : bits <= 16 ? 16 : bits <= 32 ? 32 : 64;
}

FN void NAME(scores)(const net_program *program, const VEC *state, int64_t samples, int32_t *out32,
                     int64_t *out64) {
    const int field = NAME(field)(program);
    const uint64_t mask = field == 64 ? ~(uint64_t)0 : ((uint64_t)1 << field) - 1;
    const int64_t scores = program->num_scores;
    const uint32_t *terms = program->terms;
    int64_t run = 0;
    for (int64_t c = 0; c < scores; c += 64 / field) {
        const int group = (int)(scores - c < 64 / field ? scores - c : 64 / field);
        VEC tile[64];
        NAME(sums)(program, state, field, c, group, &run, &terms, tile);
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

/* Classes alone, from scores of 32 bits that are not kept: all samples in the tile's own order. */
FN void NAME(classes)(const net_program *program, const VEC *state, int64_t samples,
                      int64_t *classes) {
    const int field = NAME(field)(program);
    const uint64_t mask = field == 64 ? ~(uint64_t)0 : ((uint64_t)1 << field) - 1;
    const uint32_t *terms = program->terms;
    int32_t top[LANES], best[LANES];
    int64_t run = 0;
    for (int i = 0; i < LANES; i++) {
        top[i] = INT32_MIN;
        best[i] = 0;
    }
    for (int64_t c = 0; c < program->num_scores; c += 64 / field) {
        const int64_t left = program->num_scores - c;
        const int group = (int)(left < 64 / field ? left : 64 / field);
        VEC tile[64];
        const uint64_t *words = (const uint64_t *)(const void *)tile;
        NAME(sums)(program, state, field, c, group, &run, &terms, tile);
        for (int k = 0; k < group; k++) {
            const int64_t bias = program->biases[c + k];
            const int32_t class_ = (int32_t)(c + k);
            for (int i = 0; i < LANES; i++) {
                const int32_t value = (int32_t)((int64_t)(words[i] >> (k * field) & mask) + bias);
                best[i] = value > top[i] ? class_ : best[i];
                top[i] = value > top[i] ? value : top[i];
            }
        }
    }
    for (int64_t i = 0; i < samples; i++) {
        classes[i] = best[(i & 63) * WORDS + (i >> 6)];
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
                const VEC value = state[SLOT(program->word_slots[bit])];
                tile[rows++] = (value & masks[0]) ^ masks[1];
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
