/* Included by kernel_body.h: codes and planes into the first slots. */

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

/* Where each of 64 bytes is above its own bound. */
INLINE uint64_t NAME(over)(const uint8_t *row, const uint8_t *bounds) {
#if ON_X86 && WORDS == 8
    __m512i bytes = _mm512_loadu_si512((const void *)row);
    return _mm512_cmpgt_epu8_mask(bytes, _mm512_loadu_si512((const void *)bounds));
#elif ON_X86 && WORDS == 4
    uint64_t word = 0;
    for (int i = 0; i < 64; i += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(row + i));
        __m256i most = _mm256_loadu_si256((const __m256i *)(const void *)(bounds + i));
        __m256i below = _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, most), most);
        word |= (uint64_t)~(uint32_t)_mm256_movemask_epi8(below) << i;
    }
    return word;
#elif defined(__SSE2__)
    uint64_t word = 0;
    for (int i = 0; i < 64; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(row + i));
        __m128i most = _mm_loadu_si128((const __m128i *)(const void *)(bounds + i));
        __m128i below = _mm_cmpeq_epi8(_mm_max_epu8(bytes, most), most);
        word |= (uint64_t)(uint16_t)~(uint32_t)_mm_movemask_epi8(below) << i;
    }
    return word;
#else
    const uint64_t tops = 0x8080808080808080u;
    uint64_t word = 0;
    for (int i = 0; i < 64; i += 8) {
        uint64_t bytes, most, below;
        memcpy(&bytes, row + i, 8);
        memcpy(&most, bounds + i, 8);
#if !LITTLE_ENDIAN_HOST
        bytes = __builtin_bswap64(bytes);
        most = __builtin_bswap64(most);
#endif
        below = (most | tops) - (bytes & ~tops);
        below = (most & ~bytes) | (~(most ^ bytes) & below);
        word |= (((~below & tops) >> 7) * 0x0102040810204080u >> 56) << i;
    }
    return word;
#endif
}

/* The words of one row of 64 bytes, one for each plane of the chunk; where the next ones go. */
INLINE uint64_t *NAME(read_row)(const net_program *program, const net_chunk *chunk,
                                const uint8_t *row, uint64_t *cell) {
    const uint8_t *tested = program->tested + chunk->tested;
    const uint8_t *above = program->above + 64 * (int64_t)chunk->above;
    for (int k = 0; k < chunk->tests; k++, cell += TILE * WORDS) {
        *cell = NAME(column)(row, tested[k]);
    }
    for (int k = 0; k < chunk->compares; k++, above += 64, cell += TILE * WORDS) {
        *cell = NAME(over)(row, above);
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
    memset(row, 0, sizeof row);
    memset(most, 0, sizeof most);
    for (int64_t i = 0; i < samples; i++, source += row_bytes) {
        __builtin_prefetch(source + PREFETCHED_ROWS * row_bytes);
        if (checked) {
            NAME(raise)(size, most, source, low, chunk->count);
        }
        NAME(convert)(size, is_signed, row, source, chunk->count, chunk->shift);
        NAME(read_row)(program, chunk, row, (uint64_t *)(void *)(tile + (i & 63)) + (i >> 6));
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
    VEC seen[TILES][8 / WORDS];
    int bad = 0;
    memset(seen, 0, sizeof seen);
    for (int64_t r = 0; r < 64; r++) {
        for (int64_t i = r; i < samples && i < LANES; i += 64) {
            const uint8_t *row = (const uint8_t *)job->codes + (first + i) * job->row_bytes;
            uint64_t *cell = (uint64_t *)(void *)(tile + r) + (i >> 6);
            for (int64_t c = 0; c < count; c++) {
                const uint8_t *source = row + chunks[c].element;
                for (int k = 0; k < 8 / WORDS; k++) {
                    VEC part;
                    memcpy(&part, source + 8 * WORDS * k, sizeof part);
                    seen[c][k] |= part;
                }
                cell = NAME(read_row)(program, chunks + c, source, cell);
            }
        }
    }
    for (int64_t c = 0; job->low && c < count; c++) {
        const uint8_t *bits = (const uint8_t *)seen[c];
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
