/* Included by kernel_body.h: codes and planes into the first slots. */

/* Bytes of one sample side by side; which of them have the bit of a pattern, or are above their
   bounds, the first one lowest. */
#if ON_X86 && WORDS == 8
typedef __m512i NAME(part);

INLINE uint64_t NAME(tested)(NAME(part) bytes, NAME(part) pattern) {
    return _mm512_test_epi8_mask(bytes, pattern);
}

INLINE uint64_t NAME(over)(NAME(part) bytes, NAME(part) bounds) {
    return _mm512_cmpgt_epu8_mask(bytes, bounds);
}
#elif ON_X86 && WORDS == 4
typedef __m256i NAME(part);

INLINE uint64_t NAME(tested)(NAME(part) bytes, NAME(part) pattern) {
    __m256i found = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, pattern), pattern);
    return (uint32_t)_mm256_movemask_epi8(found);
}

INLINE uint64_t NAME(over)(NAME(part) bytes, NAME(part) bounds) {
    __m256i below = _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, bounds), bounds);
    return ~(uint32_t)_mm256_movemask_epi8(below);
}
#elif defined(__SSE2__)
typedef __m128i NAME(part);

INLINE uint64_t NAME(tested)(NAME(part) bytes, NAME(part) pattern) {
    return (uint64_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_and_si128(bytes, pattern), pattern));
}

INLINE uint64_t NAME(over)(NAME(part) bytes, NAME(part) bounds) {
    __m128i below = _mm_cmpeq_epi8(_mm_max_epu8(bytes, bounds), bounds);
    return (uint16_t)~(uint32_t)_mm_movemask_epi8(below);
}
#else
typedef uint64_t NAME(part);

#if LITTLE_ENDIAN_HOST
#define FIRST_LOWEST(bytes) (bytes)
#else
#define FIRST_LOWEST(bytes) __builtin_bswap64(bytes)
#endif

INLINE uint64_t NAME(tested)(NAME(part) bytes, NAME(part) pattern) {
    const uint64_t ones = 0x0101010101010101u;
    return (FIRST_LOWEST(bytes) >> __builtin_ctzll(pattern & 255) & ones) * 0x0102040810204080u >> 56;
}

INLINE uint64_t NAME(over)(NAME(part) bytes, NAME(part) bounds) {
    const uint64_t tops = 0x8080808080808080u, most = FIRST_LOWEST(bounds);
    bytes = FIRST_LOWEST(bytes);
    uint64_t below = (most | tops) - (bytes & ~tops);
    below = (most & ~bytes) | (~(most ^ bytes) & below);
    return ((~below & tops) >> 7) * 0x0102040810204080u >> 56;
}
#undef FIRST_LOWEST
#endif

/* 64 bytes, one of each of so many elements. */
typedef struct {
    NAME(part) part[64 / sizeof(NAME(part))];
} NAME(row);

INLINE NAME(row) NAME(load_row)(const uint8_t *bytes) {
    NAME(row) row;
    memcpy(&row, bytes, sizeof row);
    return row;
}

/* What each plane of a chunk is: the bit that is tested in all bytes, or the bounds. */
FN uint8_t *NAME(fill_patterns)(const net_program *program, const net_chunk *chunk,
                                uint8_t *patterns) {
    for (int k = 0; k < chunk->tests; k++, patterns += 64) {
        memset(patterns, 1 << program->tested[chunk->tested + k], 64);
    }
    memcpy(patterns, program->above + 64 * (int64_t)chunk->above, 64 * (size_t)chunk->compares);
    return patterns + 64 * (int64_t)chunk->compares;
}

/* The words of one row, one for each plane of the chunk; where the next ones go. */
INLINE uint64_t *NAME(read_row)(NAME(row) row, const net_chunk *chunk, const uint8_t *patterns,
                                uint64_t *cell) {
    const int parts = (int)(64 / sizeof(NAME(part)));
    for (int k = 0; k < chunk->tests; k++, patterns += 64, cell += TILE * WORDS) {
        const NAME(row) bits = NAME(load_row)(patterns);
        uint64_t word = 0;
        for (int i = 0; i < parts; i++) {
            word |= NAME(tested)(row.part[i], bits.part[i]) << (64 / parts * i);
        }
        *cell = word;
    }
    for (int k = 0; k < chunk->compares; k++, patterns += 64, cell += TILE * WORDS) {
        const NAME(row) bounds = NAME(load_row)(patterns);
        uint64_t word = 0;
        for (int i = 0; i < parts; i++) {
            word |= NAME(over)(row.part[i], bounds.part[i]) << (64 / parts * i);
        }
        *cell = word;
    }
    return cell;
}

/* The planes of a chunk into their slots, from tiles of 64 rows each. */
INLINE void NAME(spread)(const net_chunk *chunk, VEC *tile, VEC *state) {
    for (int64_t k = 0; k < chunk->tests + chunk->compares; k++, tile += TILE) {
        VEC *planes = state + SLOT(chunk->slot + k * chunk->plane_step);
        NAME(transpose)(tile);
        for (int64_t e = 0; e < chunk->count; e++) {
            planes[SLOT(e * chunk->element_step)] = tile[e];
        }
    }
}

FN void NAME(convert)(int64_t item_bytes, int is_signed, uint8_t *row, const uint8_t *source,
                      int64_t count, int shift) {
    switch (item_bytes) {
    case 1:
        convert_uint8_t(row, source, count, shift, is_signed);
        break;
    case 2:
        convert_uint16_t(row, source, count, shift, is_signed);
        break;
    case 4:
        convert_uint32_t(row, source, count, shift, is_signed);
        break;
    default:
        convert_uint64_t(row, source, count, shift, is_signed);
    }
}

/* The highest codes above `low` so far, in items of the codes' own size. */
FN void NAME(raise)(int64_t item_bytes, void *most, const uint8_t *source, const void *low,
                    int64_t count) {
    switch (item_bytes) {
    case 1:
        raise_uint8_t(most, source, low, count);
        break;
    case 2:
        raise_uint16_t(most, source, low, count);
        break;
    case 4:
        raise_uint32_t(most, source, low, count);
        break;
    default:
        raise_uint64_t(most, source, low, count);
    }
}

FN int NAME(exceeds)(int64_t item_bytes, const void *most, const void *span, int64_t count) {
    switch (item_bytes) {
    case 1:
        return exceeds_uint8_t(most, span, count);
    case 2:
        return exceeds_uint16_t(most, span, count);
    case 4:
        return exceeds_uint32_t(most, span, count);
    default:
        return exceeds_uint64_t(most, span, count);
    }
}

/* One chunk of codes of any size; whether one of them is out of range. */
FN int NAME(read_chunk)(const net_program *program, const net_job *job, const net_chunk *chunk,
                        int64_t first, int64_t samples, VEC *tile) {
    const int64_t size = job->item_bytes, row_bytes = job->row_bytes, element = chunk->element;
    const int is_signed = (int)job->item_signed, checked = job->low && chunk->shift == 0;
    const uint8_t *source = (const uint8_t *)job->codes + first * row_bytes + element * size;
    const uint8_t *low = checked ? (const uint8_t *)job->low + element * size : 0;
    const uint8_t *span = checked ? (const uint8_t *)job->span + element * size : 0;
    uint8_t row[64] __attribute__((aligned(64)));
    uint64_t most[64] __attribute__((aligned(64)));
    uint8_t patterns[64 * TILES];
    NAME(fill_patterns)(program, chunk, patterns);
    memset(row, 0, sizeof row);
    memset(most, 0, sizeof most);
    for (int64_t i = 0; i < samples; i++, source += row_bytes) {
        __builtin_prefetch(source + PREFETCHED_ROWS * row_bytes);
        if (checked) {
            NAME(raise)(size, most, source, low, chunk->count);
        }
        NAME(convert)(size, is_signed, row, source, chunk->count, chunk->shift);
        NAME(read_row)(NAME(load_row)(row), chunk, patterns,
                       (uint64_t *)(void *)(tile + (i & 63)) + (i >> 6));
    }
    return checked && NAME(exceeds)(size, most, span, chunk->count);
}

/* Whether one of 64 bytes a sample is out of range; no byte has a bit that `seen` has not. */
FN int NAME(bytes_exceed)(const net_job *job, int64_t first, int64_t samples, int64_t element,
                          const uint8_t *seen) {
    const uint8_t *source = (const uint8_t *)job->codes + first * job->row_bytes + element;
    const uint8_t *low = (const uint8_t *)job->low + element;
    const uint8_t *span = (const uint8_t *)job->span + element;
    uint8_t most[64] = {0};
    if (!exceeds_uint8_t(low, most, 64) && !exceeds_uint8_t(seen, span, 64)) {
        return 0;
    }
    for (int64_t i = 0; i < samples; i++, source += job->row_bytes) {
        raise_uint8_t(most, source, low, 64);
    }
    return exceeds_uint8_t(most, span, 64);
}

/* Whole chunks of bytes, as many as there are tiles for: each row is read once. */
FN int NAME(read_chunks)(const net_program *program, const net_job *job, const net_chunk *chunks,
                         int64_t count, int64_t first, int64_t samples, VEC *tile) {
    const int checked = job->low != 0, parts = (int)(64 / sizeof(NAME(part)));
    uint8_t patterns[64 * TILES], *end = patterns;
    NAME(row) seen[TILES];
    int bad = 0;
    memset(seen, 0, sizeof seen);
    for (int64_t c = 0; c < count; c++) {
        end = NAME(fill_patterns)(program, chunks + c, end);
    }
    for (int64_t r = 0; r < 64; r++) {
        for (int64_t i = r; i < samples && i < LANES; i += 64) {
            const uint8_t *row = (const uint8_t *)job->codes + (first + i) * job->row_bytes;
            uint64_t *cell = (uint64_t *)(void *)(tile + r) + (i >> 6);
            const uint8_t *pattern = patterns;
            for (int64_t c = 0; c < count; c++) {
                const NAME(row) bytes = NAME(load_row)(row + chunks[c].element);
                for (int k = 0; checked && k < parts; k++) {
                    seen[c].part[k] |= bytes.part[k];
                }
                cell = NAME(read_row)(bytes, chunks + c, pattern, cell);
                pattern += 64 * (chunks[c].tests + chunks[c].compares);
            }
        }
    }
    for (int64_t c = 0; checked && c < count; c++) {
        const uint8_t *bits = (const uint8_t *)(seen + c);
        bad |= NAME(bytes_exceed)(job, first, samples, chunks[c].element, bits);
    }
    return bad;
}

/* How many of the next chunks, of whole bytes, fit into the tiles together. */
INLINE int64_t NAME(together)(const net_job *job, const net_chunk *chunk,
                                  const net_chunk *end) {
    int64_t count = 0, planes = 0;
    for (; chunk < end && job->item_bytes == 1 && chunk->count == 64 && !chunk->shift; chunk++) {
        planes += chunk->tests + chunk->compares;
        if (planes > TILES || count == TILES) {
            break;
        }
        count++;
    }
    return count;
}

FN int NAME(pack)(const net_program *program, const net_job *job, int64_t first, int64_t samples,
                  VEC *state) {
    const net_chunk *chunk = program->chunks, *end = chunk + program->num_chunks;
    VEC tile[TILES * TILE];
    int bad = 0;
    while (chunk < end) {
        const int64_t count = NAME(together)(job, chunk, end);
        const net_chunk *stop = chunk + (count ? count : 1);
        int64_t planes = 0;
        for (const net_chunk *c = chunk; c < stop; c++) {
            planes += c->tests + c->compares;
        }
        if (samples < LANES) {
            memset(tile, 0, (size_t)planes * TILE * sizeof tile[0]);
        }
        if (count) {
            bad |= NAME(read_chunks)(program, job, chunk, count, first, samples, tile);
        } else {
            bad |= NAME(read_chunk)(program, job, chunk, first, samples, tile);
        }
        for (planes = 0; chunk < stop; chunk++) {
            NAME(spread)(chunk, tile + TILE * planes, state);
            planes += chunk->tests + chunk->compares;
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
        memcpy(&state[SLOT(p)], lanes, sizeof lanes);
    }
}
