/* Bit-parallel evaluation of any net: one body, compiled once for every vector width. */
#include "kernel.h"

#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#define ON_X86 1
#include <cpuid.h>
#include <immintrin.h>
#else
#define ON_X86 0
#endif

#if defined(_WIN32)
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC __attribute__((visibility("default")))
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LITTLE_ENDIAN_HOST 1
#else
#define LITTLE_ENDIAN_HOST 0
#endif

#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
#define NAME(stem) PASTE(stem, VARIANT)

/* Planes of 64 elements that are turned together. */
#define TILES 16
/* Rows from one to the next: were it 64, rows of one number would share a few lines of cache. */
#define TILE 65
/* Rows of codes that are fetched before they are read. */
#define PREFETCHED_ROWS 12
/* Bounds of a feature that are compared one by one. */
#define MOST_BOUNDS 32

#define EVERYWHERE static inline __attribute__((always_inline))

/* Low bytes of up to 64 codes, shifted right. */
#define CONVERT(TYPE, SIGNED_TYPE)                                                                 \
    EVERYWHERE void convert_##TYPE(uint8_t *restrict row, const uint8_t *restrict source,          \
                                   int64_t count, int shift, int is_signed) {                      \
        const int top = 8 * (int)sizeof(TYPE) - 1;                                                 \
        for (int64_t e = 0; e < count; e++) {                                                      \
            TYPE code;                                                                             \
            memcpy(&code, source + e * (int64_t)sizeof(TYPE), sizeof(TYPE));                       \
            if (shift > top) {                                                                     \
                row[e] = (uint8_t)(is_signed && code >> top ? 0xff : 0);                           \
            } else if (is_signed) {                                                                \
                row[e] = (uint8_t)((SIGNED_TYPE)code >> shift);                                    \
            } else {                                                                               \
                row[e] = (uint8_t)(code >> shift);                                                 \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    EVERYWHERE void raise_##TYPE(TYPE *restrict most, const uint8_t *restrict source,              \
                                 const TYPE *restrict low, int64_t count) {                        \
        for (int64_t e = 0; e < count; e++) {                                                      \
            TYPE code;                                                                             \
            memcpy(&code, source + e * (int64_t)sizeof(TYPE), sizeof(TYPE));                       \
            code = (TYPE)(code - low[e]);                                                          \
            most[e] = most[e] > code ? most[e] : code;                                             \
        }                                                                                          \
    }                                                                                              \
    EVERYWHERE int exceeds_##TYPE(const TYPE *most, const TYPE *span, int64_t count) {             \
        int bad = 0;                                                                               \
        for (int64_t e = 0; e < count; e++) {                                                      \
            bad |= most[e] > span[e];                                                              \
        }                                                                                          \
        return bad;                                                                                \
    }

CONVERT(uint8_t, int8_t)
CONVERT(uint16_t, int16_t)
CONVERT(uint32_t, int32_t)
CONVERT(uint64_t, int64_t)

/* Where in the workspace, behind the slots, the scores of a block lie that nobody asked for. */
static int64_t kept_scores(const net_program *program, int64_t words) {
    return (program->slots * words * 8 + 63) / 64 * 64;
}

/* One code as an integer. */
EVERYWHERE int64_t read_code(const uint8_t *source, int64_t size, int is_signed) {
    uint8_t byte = *source;
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (size) {
    case 1:
        return is_signed ? (int8_t)byte : byte;
    case 2:
        memcpy(&two, source, sizeof two);
        return is_signed ? (int16_t)two : two;
    case 4:
        memcpy(&four, source, sizeof four);
        return is_signed ? (int64_t)(int32_t)four : (int64_t)four;
    default:
        memcpy(&eight, source, sizeof eight);
        return (int64_t)eight;
    }
}

#define VARIANT 1
#define WORDS 1
#define SPAN 1
#define TARGET
#define COUNT_TARGET
#include "kernel_body.h"
#include "kernel_counts.h"
#include "kernel_features.h"
#undef VARIANT
#undef SPAN

/* Blocks of up to 64 * PLAIN_SPAN samples without vectors: a slot number is read once for all. */
#define VARIANT 1_wide
#define SPAN PLAIN_SPAN
#include "kernel_body.h"
#undef VARIANT
#undef WORDS
#undef SPAN
#undef COUNT_TARGET

#define VARIANT 2
#define WORDS 2
#define SPAN 1
#include "kernel_body.h"
#undef VARIANT
#undef WORDS
#undef TARGET

#if ON_X86
#define VARIANT 4
#define WORDS 4
#define TARGET __attribute__((target("avx2")))
#define COUNT_TARGET TARGET
#include "kernel_body.h"
#include "kernel_counts.h"
#include "kernel_features.h"
#undef VARIANT
#undef WORDS
#undef TARGET
#undef COUNT_TARGET

#define VARIANT 8
#define WORDS 8
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define COUNT_TARGET                                                                               \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq")))
#include "kernel_body.h"
#include "kernel_counts.h"
#include "kernel_features.h"
#undef VARIANT
#undef WORDS
#undef TARGET
#undef COUNT_TARGET
#endif

PUBLIC int64_t kernel_abi(void) { return LITHIFY_KERNEL_ABI; }

#if ON_X86
/* Bits of kernel_vectors that the processor has and the operating system saves. */
static int64_t x86_vectors(void) {
    const unsigned avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; /* F, DQ, BW, VL */
    unsigned a, b, c, d, saved, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 27)) {
        return 0;
    }
    __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if ((saved & 0x06) != 0x06 || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        return 0;
    }
    return (b & 1u << 5 ? 4 : 0) | ((saved & 0xe0) == 0xe0 && (b & avx512) == avx512 ? 8 : 0);
}
#endif

PUBLIC int64_t kernel_vectors(void) {
#if ON_X86
    return 3 | x86_vectors();
#else
    return 3;
#endif
}

/* Words of 64 bits of a slot, where vectors of `words` are asked for. */
static int64_t slot_words(int64_t words) { return words == 1 ? PLAIN_SPAN : words; }

PUBLIC int64_t kernel_workspace(const net_program *program, int64_t words) {
    return kept_scores(program, slot_words(words)) + 64 * words * program->num_scores * 8;
}

static int block(const net_program *program, const net_job *job, int64_t first, int64_t count,
                 int64_t words) {
#if ON_X86
    if (words == 8) {
        return block8(program, job, first, count);
    }
    if (words == 4) {
        return block4(program, job, first, count);
    }
#endif
    if (words == 2) {
        return block2(program, job, first, count);
    }
    return count > 64 ? block1_wide(program, job, first, count)
                      : block1(program, job, first, count);
}

PUBLIC int64_t kernel_run(const net_program *program, const net_job *job, int64_t first,
                          int64_t last, int64_t words) {
    while (first < last) {
        int64_t count = last - first;
        int64_t used = words;
        /* A short end takes narrower vectors: one sample costs as much as a full block. */
        while (used > 1 && count <= 32 * used) {
            used /= 2;
        }
        if (count > 64 * slot_words(used)) {
            count = 64 * slot_words(used);
        }
        if (block(program, job, first, count, used)) {
            return 1;
        }
        first += count;
    }
    return 0;
}

PUBLIC int64_t kernel_counts_vectors(void) {
#if ON_X86
    unsigned a, b, c, d;
    const int64_t found = x86_vectors();
    const int wide = found & 8 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && c >> 14 & 1;
    return 1 | (found & 4) | (wide ? 8 : 0);
#else
    return 1;
#endif
}

PUBLIC int64_t kernel_counts(const count_program *program, const net_job *job, int64_t first,
                             int64_t last, int64_t words) {
#if ON_X86
    if (words == 8) {
        return counted8(program, job, first, last);
    }
    if (words == 4) {
        return counted4(program, job, first, last);
    }
#endif
    return counted1(program, job, first, last);
}

PUBLIC int64_t kernel_features(const feature_code *code, const void *x, int64_t row_bytes,
                               int64_t samples, int64_t words, void *codes) {
    const int single = code->item_bytes == 4;
#if ON_X86
    if (words == 8) {
        return single ? features_float8(code, x, row_bytes, samples, codes)
                      : features_double8(code, x, row_bytes, samples, codes);
    }
    if (words == 4) {
        return single ? features_float4(code, x, row_bytes, samples, codes)
                      : features_double4(code, x, row_bytes, samples, codes);
    }
#endif
    return single ? features_float1(code, x, row_bytes, samples, codes)
                  : features_double1(code, x, row_bytes, samples, codes);
}

PUBLIC int64_t kernel_gates(const net_program *program, void *workspace, int64_t words,
                            int64_t samples) {
    for (int64_t done = 0; done < samples; done += 64 * slot_words(words)) {
#if ON_X86
        if (words == 8) {
            gates8(program, workspace);
        } else if (words == 4) {
            gates4(program, workspace);
        } else
#endif
        if (words == 2) {
            gates2(program, workspace);
        } else {
            gates1_wide(program, workspace);
        }
    }
    return 0;
}
