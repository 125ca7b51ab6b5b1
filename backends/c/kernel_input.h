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

/* Bits shift .. shift + bits - 1 of up to 64 elements of each sample, a row of the tiles each. */
FN int NAME(cut)(const net_job *job, int64_t first, int64_t samples, int64_t element, int64_t count,
                 int shift, int bits, uint64_t *tile) {
    const int64_t size = job->item_bytes, row_bytes = job->row_bytes;
    const int is_signed = (int)job->item_signed;
    const uint8_t *source = (const uint8_t *)job->codes + first * row_bytes + element * size;
    const uint8_t *low = job->low ? (const uint8_t *)job->low + element * size : 0;
    const uint8_t *span = job->low ? (const uint8_t *)job->span + element * size : 0;
    const int checked = low != 0 && shift == 0;
    uint8_t row[64] __attribute__((aligned(64)));
    uint64_t most[64] __attribute__((aligned(64)));
    memset(row, 0, sizeof row);
    memset(most, 0, sizeof most);
    for (int64_t i = 0; i < samples; i++, source += row_bytes) {
        uint64_t *cell = tile + (i & 63) * WORDS + (i >> 6);
        __builtin_prefetch(source + PREFETCHED_ROWS * row_bytes);
        if (checked) {
            NAME(raise)(size, most, source, low, count);
        }
        NAME(convert)(size, is_signed, row, source, count, shift);
        for (int k = 0; k < bits; k++) {
            cell[k * 64 * WORDS] = NAME(column)(row, k);
        }
    }
    return checked && NAME(exceeds)(size, most, span, count);
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

/* At least 64 elements of at most 8 bits in bytes: each row is read once, from its start on. */
FN int NAME(pack_bytes)(const net_job *job, const int32_t *field, int64_t first, int64_t samples,
                        VEC *state) {
    VEC tile[TILES * 64], seen[TILES][8 / WORDS];
    const int width = field[2];
    const int64_t elements = field[1], step = TILES / width;
    int bad = 0;
    for (int64_t done = 0; done < elements; done += 64 * step) {
        int64_t starts[TILES], blocks = 0;
        for (; blocks < step && done + 64 * blocks < elements; blocks++) {
            /* The last elements go again with those before them rather than alone. */
            const int64_t start = done + 64 * blocks;
            starts[blocks] = start + 64 <= elements ? start : elements - 64;
        }
        memset(seen, 0, sizeof seen);
        if (samples < LANES) {
            memset(tile, 0, (size_t)(blocks * width) * 64 * sizeof tile[0]);
        }
        for (int64_t r = 0; r < 64; r++) {
            for (int64_t i = r; i < samples && i < LANES; i += 64) {
                const uint8_t *row = (const uint8_t *)job->codes + (first + i) * job->row_bytes;
                uint64_t *cell = (uint64_t *)(void *)(tile + r) + (i >> 6);
                for (int64_t b = 0; b < blocks; b++) {
                    const uint8_t *source = row + field[0] + starts[b];
                    for (int k = 0; k < 8 / WORDS; k++) {
                        VEC part;
                        memcpy(&part, source + 8 * WORDS * k, sizeof part);
                        seen[b][k] |= part;
                    }
                    for (int k = 0; k < width; k++, cell += 64 * WORDS) {
                        *cell = NAME(column)(source, k);
                    }
                }
            }
        }
        for (int64_t b = 0; b < blocks; b++) {
            VEC *planes = state + SLOT(field[3] + starts[b] * width);
            const uint8_t *bits = (const uint8_t *)seen[b];
            bad |= job->low && NAME(bytes_exceed)(job, first, samples, field[0] + starts[b], bits);
            for (int k = 0; k < width; k++) {
                VEC *rows = tile + (b * width + k) * 64;
                NAME(transpose)(rows);
                for (int64_t e = 0; e < 64; e++) {
                    planes[SLOT(e * width + k)] = rows[e];
                }
            }
        }
    }
    return bad;
}

FN int NAME(pack)(const net_program *program, const net_job *job, int64_t first, int64_t samples,
                  VEC *state) {
    VEC tile[8 * 64];
    int bad = 0;
    for (int64_t f = 0; f < program->num_fields; f++) {
        const int32_t *field = program->fields + 4 * f;
        const int width = field[2];
        if (job->item_bytes == 1 && field[1] >= 64 && width <= 8) {
            bad |= NAME(pack_bytes)(job, field, first, samples, state);
            continue;
        }
        for (int64_t done = 0; done < field[1]; done += 64) {
            /* The last elements go again with those before them rather than alone. */
            const int64_t start = field[1] < 64 || done + 64 <= field[1] ? done : field[1] - 64;
            const int64_t count = field[1] < 64 ? field[1] : 64;
            VEC *planes = state + SLOT(field[3] + start * width);
            for (int shift = 0; shift < width; shift += 8) {
                const int bits = width - shift < 8 ? width - shift : 8;
                if (samples < LANES) {
                    memset(tile, 0, (size_t)bits * 64 * sizeof tile[0]);
                }
                bad |= NAME(cut)(job, first, samples, field[0] + start, count, shift, bits,
                                 (uint64_t *)(void *)tile);
                for (int k = 0; k < bits; k++) {
                    NAME(transpose)(tile + 64 * k);
                    for (int64_t e = 0; e < count; e++) {
                        planes[SLOT(e * width + shift + k)] = tile[64 * k + e];
                    }
                }
            }
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
