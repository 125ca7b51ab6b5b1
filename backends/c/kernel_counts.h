/* Included by kernel.c once for every width of its vectors: neurons that count where a row of bits
   differs from their weights. Eight neurons make a group, a 64-bit lane each. */

#define VEC NAME(vec)
#define ROWS (8 / WORDS)
#define COUNT_FN static COUNT_TARGET
#define COUNT_INLINE static inline __attribute__((always_inline)) COUNT_TARGET

COUNT_INLINE VEC NAME(ones)(VEC v) {
#if WORDS == 8
    return (VEC)_mm512_popcnt_epi64((__m512i)v);
#elif WORDS == 4
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
                                           0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256((__m256i)v, nibble));
    __m256i high = _mm256_and_si256(_mm256_srli_epi16((__m256i)v, 4), nibble);
    __m256i bytes = _mm256_add_epi8(low, _mm256_shuffle_epi8(table, high));
    return (VEC)_mm256_sad_epu8(bytes, _mm256_setzero_si256());
#elif defined(__POPCNT__) || defined(__aarch64__)
    return (uint64_t)__builtin_popcountll(v);
#else
    v -= v >> 1 & 0x5555555555555555u;
    v = (v & 0x3333333333333333u) + (v >> 2 & 0x3333333333333333u);
    return ((v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u >> 56;
#endif
}

/* Where code e is above its bound, for up to 64 codes of one byte; never above 255. */
COUNT_INLINE uint64_t NAME(above)(const uint8_t *codes, const uint8_t *above, int64_t count) {
#if WORDS == 8
    const __mmask64 there = ~(uint64_t)0 >> (64 - count);
    return _mm512_cmpgt_epu8_mask(_mm512_maskz_loadu_epi8(there, codes),
                                  _mm512_loadu_si512((const void *)above));
#else
    uint8_t end[64] = {0};
    uint64_t bits = 0;
    if (count < 64) {
        memcpy(end, codes, count);
        codes = end;
    }
#if WORDS == 4
    for (int i = 0; i < 64; i += 32) {
        __m256i code = _mm256_loadu_si256((const __m256i *)(const void *)(codes + i));
        __m256i most = _mm256_loadu_si256((const __m256i *)(const void *)(above + i));
        __m256i not_above = _mm256_cmpeq_epi8(_mm256_max_epu8(code, most), most);
        bits |= (uint64_t)~(uint32_t)_mm256_movemask_epi8(not_above) << i;
    }
#else
    for (int i = 0; i < 64; i++) {
        bits |= (uint64_t)(codes[i] > above[i]) << i;
    }
#endif
    return bits;
#endif
}

#if WORDS == 8
/* The bits of one sample's bytes; whether one is out of range, where all have the same bound. */
COUNT_INLINE int NAME(bytes)(const count_program *program, const uint8_t *row, uint64_t *bits) {
    const char high = (char)(program->high < 255 ? program->high : 255);
    __m512i most = _mm512_setzero_si512();
    for (int64_t w = 0; w < program->input_words; w++) {
        const int64_t left = program->elements - program->chunks[w];
        const __mmask64 there = ~(uint64_t)0 >> (left < 64 ? 64 - left : 0);
        const __m512i codes = _mm512_maskz_loadu_epi8(there, row + program->chunks[w]);
        const void *above = program->above + 64 * w;
        most = _mm512_max_epu8(most, codes);
        bits[w] = _mm512_cmpgt_epu8_mask(codes, _mm512_loadu_si512(above));
    }
    return _mm512_cmpgt_epu8_mask(most, _mm512_set1_epi8(high)) != 0;
}
#endif

/* The bits of one sample's codes, which are in range. */
COUNT_FN void NAME(sources)(const count_program *program, const net_job *job, int64_t sample,
                            uint64_t *bits) {
    const int64_t size = job->item_bytes, elements = program->elements;
    const uint8_t *row = (const uint8_t *)job->codes + sample * job->row_bytes;
    for (int64_t w = 0; w < program->input_words; w++) {
        const int64_t first = program->chunks[w];
        const int64_t left = elements - first, count = left < 64 ? left : 64;
        const uint8_t *codes = row + first * size;
        if (size == 1 && program->above && !job->item_signed) {
            bits[w] = NAME(above)(codes, program->above + 64 * w, count);
        } else {
            const int64_t *least = program->least + 64 * w;
            bits[w] = 0;
            for (int64_t e = 0; e < count; e++) {
                const int64_t code = read_code(codes + e * size, size, (int)job->item_signed);
                bits[w] |= (uint64_t)(code >= least[e]) << e;
            }
        }
    }
}

/* What groups count in one plane, for samples whose rows are ROOM words apart, one sample after
   the other; a mask lies behind each word's weights where some are 0. */
COUNT_INLINE void NAME(tally)(const uint64_t *weights, const uint64_t *bits, int64_t room,
                              int64_t words, int groups, int masked, int samples, VEC *sums) {
    const int64_t step = 8 << masked, stride = words * step;
    for (int k = 0; k < samples * groups * ROWS; k++) {
        sums[k] ^= sums[k];
    }
    for (int64_t w = 0; w < words; w++, weights += step) {
        for (int k = 0; k < groups; k++) {
            const VEC *row = (const VEC *)(const void *)(weights + k * stride);
            for (int r = 0; r < ROWS; r++) {
                for (int n = 0; n < samples; n++) {
                    VEC v = bits[n * room + w] ^ row[r];
                    if (masked) {
                        v &= row[ROWS + r];
                    }
                    sums[(n * groups + k) * ROWS + r] += NAME(ones)(v);
                }
            }
        }
    }
}

/* What one group counts in all planes of its layer. */
COUNT_FN void NAME(tally_planes)(const count_program *program, const int64_t *layer, int64_t group,
                                 const uint64_t *bits, VEC *sums) {
    const int64_t words = layer[1];
    VEC part[ROWS];
    memset(sums, 0, 64);
    for (int64_t p = layer[2]; p < layer[2] + layer[3]; p++) {
        const int64_t *plane = program->planes + 3 * p;
        const uint64_t *weights = program->weights + plane[2];
        if (plane[1]) {
            NAME(tally)(weights + group * words * 16, bits, 0, words, 1, 1, 1, part);
        } else {
            NAME(tally)(weights + group * words * 8, bits, 0, words, 1, 0, 1, part);
        }
        for (int r = 0; r < ROWS; r++) {
            sums[r] += part[r] << (int)plane[0];
        }
    }
}

/* Whether all weights of a layer are 1 and -1. */
COUNT_INLINE int NAME(plain)(const count_program *program, const int64_t *layer) {
    const int64_t *plane = program->planes + 3 * layer[2];
    return layer[3] == 1 && plane[0] == 0 && plane[1] == 0;
}

/* Which of eight neurons reach their bounds. */
COUNT_INLINE uint64_t NAME(fired)(const VEC *sums, const int64_t *bounds) {
#if WORDS == 8
    return _mm512_cmpge_epi64_mask((__m512i)sums[0], _mm512_loadu_si512((const void *)bounds));
#else
    const int64_t *sum = (const int64_t *)(const void *)sums;
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) {
        bits |= (uint64_t)(sum[i] >= bounds[i]) << i;
    }
    return bits;
#endif
}

/* Which neurons of a hidden layer fire, for samples whose rows are `room` words apart. */
COUNT_INLINE void NAME(hidden)(const count_program *program, const int64_t *layer,
                               const int64_t *bounds, const uint64_t *bits, uint64_t *next,
                               int64_t room, int samples) {
    const int64_t groups = layer[0], words = layer[1];
    const int plain = NAME(plain)(program, layer);
    const int64_t at = plain ? program->planes[3 * layer[2] + 2] : 0;
    const uint64_t *weights = program->weights + at;
    uint64_t word[2] = {0};
    for (int64_t g = 0; g < groups;) {
        const int64_t shift = 8 * (g & 7);
        if (plain && groups - g >= 4) {
            VEC sums[2 * 4 * ROWS];
            NAME(tally)(weights + g * words * 8, bits, room, words, 4, 0, samples, sums);
            for (int n = 0; n < samples; n++) {
                for (int k = 0; k < 4; k++) {
                    const VEC *sum = sums + (4 * n + k) * ROWS;
                    word[n] |= NAME(fired)(sum, bounds + 8 * (g + k)) << (shift + 8 * k);
                }
            }
            g += 4;
        } else {
            for (int n = 0; n < samples; n++) {
                VEC sums[ROWS];
                NAME(tally_planes)(program, layer, g, bits + n * room, sums);
                word[n] |= NAME(fired)(sums, bounds + 8 * g) << shift;
            }
            g += 1;
        }
        for (int n = 0; n < samples; n++) {
            next[n * room + ((g - 1) >> 3)] = word[n];
            word[n] = g & 7 ? word[n] : 0;
        }
    }
}

/* The counts of the scores of samples that lie side by side: each has two rows, then its counts. */
COUNT_INLINE void NAME(layers)(const count_program *program, uint64_t *bits, int64_t *counts,
                               int64_t room, int samples) {
    const int64_t *layer = program->layers, *bounds = program->offsets;
    for (int64_t i = 1; i < program->num_layers; i++, layer += 4) {
        uint64_t *next = bits + program->row_words * (i % 2 ? 1 : -1);
        NAME(hidden)(program, layer, bounds, bits, next, room, samples);
        bounds += 8 * layer[0];
        bits = next;
    }
    const int plain = NAME(plain)(program, layer);
    const int64_t at = plain ? program->planes[3 * layer[2] + 2] : 0;
    const uint64_t *weights = program->weights + at;
    for (int64_t g = 0; g < layer[0]; g++, weights += layer[1] * 8) {
        VEC sums[2 * ROWS];
        if (plain) {
            NAME(tally)(weights, bits, room, layer[1], 1, 0, samples, sums);
        }
        for (int n = 0; n < samples; n++) {
            if (!plain) {
                NAME(tally_planes)(program, layer, g, bits + n * room, sums + n * ROWS);
            }
            memcpy(counts + n * room + 8 * g, sums + n * ROWS, 64);
        }
    }
}

/* Whether a code of a sample is out of range. */
#define OUT_OF_RANGE(TYPE)                                                                         \
    COUNT_INLINE int NAME(TYPE##_out_)(const net_job *job, int64_t elements, const uint8_t *row) { \
        const TYPE *low = job->low, *span = job->span;                                             \
        TYPE bad = 0;                                                                              \
        for (int64_t e = 0; e < elements; e++) {                                                   \
            TYPE code;                                                                             \
            memcpy(&code, row + e * (int64_t)sizeof(TYPE), sizeof(TYPE));                          \
            bad |= (TYPE)(code - low[e]) > span[e];                                                \
        }                                                                                          \
        return bad;                                                                                \
    }
OUT_OF_RANGE(uint8_t)
OUT_OF_RANGE(uint16_t)
OUT_OF_RANGE(uint32_t)
OUT_OF_RANGE(uint64_t)

COUNT_FN int NAME(out_of_range)(const count_program *program, const net_job *job,
                                int64_t sample) {
    const int64_t elements = program->elements;
    const uint8_t *row = (const uint8_t *)job->codes + sample * job->row_bytes;
    if (job->item_bytes == 1 && !job->item_signed && program->high >= 0) {
        uint8_t most = 0;
        for (int64_t e = 0; e < elements; e++) {
            most = row[e] > most ? row[e] : most;
        }
        return most > program->high;
    }
    switch (job->item_bytes) {
    case 1:
        return NAME(uint8_t_out_)(job, elements, row);
    case 2:
        return NAME(uint16_t_out_)(job, elements, row);
    case 4:
        return NAME(uint32_t_out_)(job, elements, row);
    default:
        return NAME(uint64_t_out_)(job, elements, row);
    }
}

/* The bits of one sample's codes; 1 where one is out of range. */
COUNT_FN int NAME(enter)(const count_program *program, const net_job *job, int64_t sample,
                         uint64_t *bits) {
#if WORDS == 8
    if (job->item_bytes == 1 && !job->item_signed && program->above && program->high >= 0) {
        return NAME(bytes)(program, (const uint8_t *)job->codes + sample * job->row_bytes, bits);
    }
#endif
    if (job->low && NAME(out_of_range)(program, job, sample)) {
        return 1;
    }
    NAME(sources)(program, job, sample, bits);
    return 0;
}

/* The scores of a sample where they are wanted, and its class. */
COUNT_INLINE void NAME(answer)(const count_program *program, const net_job *job, int64_t sample,
                               const int64_t *counts) {
    const int64_t scores = program->num_scores, *added = program->added;
    if (job->scores32) {
        int32_t *out = job->scores32 + sample * scores;
        for (int64_t c = 0; c < scores; c++) {
            out[c] = (int32_t)(added[c] + counts[c]);
        }
    } else if (job->scores64) {
        int64_t *out = job->scores64 + sample * scores;
        for (int64_t c = 0; c < scores; c++) {
            out[c] = added[c] + counts[c];
        }
    }
    if (job->classes) {
        int64_t best = 0, top = INT64_MIN;
        for (int64_t c = 0; c < scores; c++) {
            const int64_t score = added[c] + counts[c];
            best = score > top ? c : best;
            top = score > top ? score : top;
        }
        job->classes[sample] = best;
    }
}

/* Samples first .. last - 1, two at a time where registers are many: the weights are then read
   once for both. 1 where a code is out of range. */
COUNT_FN int NAME(counted)(const count_program *program, const net_job *job, int64_t first,
                           int64_t last) {
    const int64_t groups = program->layers[4 * program->num_layers - 4];
    const int64_t room = 2 * program->row_words + 8 * groups;
    uint64_t *bits = job->workspace;
    int64_t *counts = (int64_t *)(bits + 2 * program->row_words);
    for (int64_t s = first, together; s < last; s += together) {
        together = WORDS == 8 && last - s > 1 ? 2 : 1;
        for (int64_t n = 0; n < together; n++) {
            if (NAME(enter)(program, job, s + n, bits + n * room)) {
                return 1;
            }
        }
        if (together == 2) {
            NAME(layers)(program, bits, counts, room, 2);
        } else {
            NAME(layers)(program, bits, counts, room, 1);
        }
        for (int64_t n = 0; n < together; n++) {
            NAME(answer)(program, job, s + n, counts + n * room);
        }
    }
    return 0;
}

#undef VEC
#undef ROWS
#undef COUNT_FN
#undef COUNT_INLINE
#undef OUT_OF_RANGE
