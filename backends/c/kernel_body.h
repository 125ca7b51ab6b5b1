/* Included by kernel.c once for every kind of slot: SPAN vectors of WORDS times 64 bits, TARGET's
   instructions. A block of samples is SPAN parts; `state` points to a part's vector of slot 0. */

#define LANES (64 * WORDS)
#define FN static TARGET
#define INLINE static inline __attribute__((always_inline)) TARGET
#define VEC NAME(vec)

#if WORDS == 1
typedef uint64_t VEC;
#else
typedef uint64_t VEC __attribute__((vector_size(8 * WORDS), may_alias));
#endif

/* Exchanges the blocks of j bits that lie across the diagonal of two rows j apart. */
#define EXCHANGE(x, y, j, mask)                                                                    \
    do {                                                                                           \
        VEC t_ = ((x >> (j)) ^ y) & (mask);                                                        \
        y ^= t_;                                                                                   \
        x ^= t_ << (j);                                                                            \
    } while (0)

/* Three steps of a transpose over eight rows `stride` apart, all held in registers. */
INLINE void NAME(turn)(VEC *rows, int stride, uint64_t wide, uint64_t middle, uint64_t narrow) {
    VEC a = rows[0], b = rows[stride], c = rows[2 * stride], d = rows[3 * stride];
    VEC e = rows[4 * stride], f = rows[5 * stride], g = rows[6 * stride], h = rows[7 * stride];
    EXCHANGE(a, e, 4 * stride, wide);
    EXCHANGE(b, f, 4 * stride, wide);
    EXCHANGE(c, g, 4 * stride, wide);
    EXCHANGE(d, h, 4 * stride, wide);
    EXCHANGE(a, c, 2 * stride, middle);
    EXCHANGE(b, d, 2 * stride, middle);
    EXCHANGE(e, g, 2 * stride, middle);
    EXCHANGE(f, h, 2 * stride, middle);
    EXCHANGE(a, b, stride, narrow);
    EXCHANGE(c, d, stride, narrow);
    EXCHANGE(e, f, stride, narrow);
    EXCHANGE(g, h, stride, narrow);
    rows[0] = a;
    rows[stride] = b;
    rows[2 * stride] = c;
    rows[3 * stride] = d;
    rows[4 * stride] = e;
    rows[5 * stride] = f;
    rows[6 * stride] = g;
    rows[7 * stride] = h;
}

/* Row r, bit s of each lane <- row s, bit r. */
FN void NAME(transpose)(VEC *rows) {
    for (int i = 0; i < 8; i++) {
        NAME(turn)(rows + i, 8, 0x00000000ffffffffu, 0x0000ffff0000ffffu, 0x00ff00ff00ff00ffu);
    }
    for (int i = 0; i < 64; i += 8) {
        NAME(turn)(rows + i, 1, 0x0f0f0f0f0f0f0f0fu, 0x3333333333333333u, 0x5555555555555555u);
    }
}

#define X_AND(x, b) ((x) & (b))
#define X_LESS(x, b) ((x) & ~(b))
#define B_LESS(x, b) ((b) & ~(x))
#define X_OR(x, b) ((x) | (b))
#define X_XOR(x, b) ((x) ^ (b))

#define SLOT(i) ((int64_t)(i) * SPAN)

#if WORDS == 1
/* What each gate of a pair makes of its own source and of the shared one. */
#define PAIRS(INDEX, count, FIRST, SECOND)                                                         \
    for (stop = t + 4 * (int64_t)(count); t < stop; t += 4) {                                      \
        const VEC *x = s + SLOT(t[0]), *y = s + SLOT(t[2]);                                        \
        VEC *b = s + SLOT(t[1]), *fresh = s + SLOT(t[3]), first[SPAN], second[SPAN];               \
        for (int i = 0; i < SPAN; i++) {                                                           \
            first[i] = FIRST(x[i], b[i]);                                                          \
            second[i] = SECOND(y[i], b[i]);                                                        \
        }                                                                                          \
        for (int i = 0; i < SPAN; i++) {                                                           \
            b[i] = first[i];                                                                       \
        }                                                                                          \
        for (int i = 0; i < SPAN; i++) {                                                           \
            fresh[i] = second[i];                                                                  \
        }                                                                                          \
    }

#define SINGLES(INDEX, count, OP)                                                                  \
    for (stop = t + 3 * (int64_t)(count); t < stop; t += 3) {                                      \
        const VEC *x = s + SLOT(t[0]), *b = s + SLOT(t[1]);                                        \
        VEC *fresh = s + SLOT(t[2]), result[SPAN];                                                 \
        for (int i = 0; i < SPAN; i++) {                                                           \
            result[i] = OP(x[i], b[i]);                                                            \
        }                                                                                          \
        for (int i = 0; i < SPAN; i++) {                                                           \
            fresh[i] = result[i];                                                                  \
        }                                                                                          \
    }
#else
/* Slot number `place` of those packed in 64 bits, as an offset in bytes. */
#define SLOT_SHIFT (WORDS == 8 ? 6 : WORDS == 4 ? 5 : 4)
#define OFFSET(INDEX, packed, place)                                                               \
    ((8 * (int)sizeof(INDEX) * (place) >= SLOT_SHIFT                                               \
          ? (packed) >> ((8 * (int)sizeof(INDEX) * (place) - SLOT_SHIFT) & 63)                     \
          : (packed) << ((SLOT_SHIFT - 8 * (int)sizeof(INDEX) * (place)) & 63)) &                  \
     ((uint64_t)(INDEX)-1 << SLOT_SHIFT))
#define AT(offset) (*(VEC *)(void *)((char *)s + (offset)))

/* Slots of the next units: all are read before any is written. */
#if LITTLE_ENDIAN_HOST
#define PLACE_uint16_t(i) OFFSET(uint16_t, packed[(i) / 4], (i) % 4)
#define PLACE_uint32_t(i) OFFSET(uint32_t, packed[(i) / 2], (i) % 2)
#define LOAD(k) memcpy(&packed[k], (const char *)t + 8 * (k), 8)
#define UNPACK_uint16_t(words) uint64_t packed[3]; LOAD(0); LOAD(1); if (words > 2) LOAD(2)
#define UNPACK_uint32_t(words) uint64_t packed[6]; LOAD(0); LOAD(1); LOAD(2); LOAD(3);             \
    if (words > 2) { LOAD(4); LOAD(5); }
#else
#define PLACE_uint16_t(i) ((uint64_t)t[i] << SLOT_SHIFT)
#define PLACE_uint32_t(i) ((uint64_t)t[i] << SLOT_SHIFT)
#define UNPACK_uint16_t(words) (void)0
#define UNPACK_uint32_t(words) (void)0
#endif
#define PLACE(INDEX, i) PLACE_##INDEX(i)

/* Two pairs at a time: what each gate makes of its own source and of the shared one. */
#define PAIRS(INDEX, count, FIRST, SECOND)                                                         \
    for (stop = t + 8 * (int64_t)((count) / 2); t < stop; t += 8) {                                \
        UNPACK_##INDEX(2);                                                                         \
        VEC b0 = AT(PLACE(INDEX, 1)), b1 = AT(PLACE(INDEX, 5));                                    \
        VEC r0 = FIRST(AT(PLACE(INDEX, 0)), b0), r1 = SECOND(AT(PLACE(INDEX, 2)), b0);             \
        VEC r2 = FIRST(AT(PLACE(INDEX, 4)), b1), r3 = SECOND(AT(PLACE(INDEX, 6)), b1);             \
        AT(PLACE(INDEX, 1)) = r0;                                                                  \
        AT(PLACE(INDEX, 3)) = r1;                                                                  \
        AT(PLACE(INDEX, 5)) = r2;                                                                  \
        AT(PLACE(INDEX, 7)) = r3;                                                                  \
    }                                                                                              \
    if ((count) % 2) {                                                                             \
        VEC b = s[t[1]], first = FIRST(s[t[0]], b), second = SECOND(s[t[2]], b);                   \
        s[t[1]] = first;                                                                           \
        s[t[3]] = second;                                                                          \
        t += 4;                                                                                    \
    }

#define SINGLES(INDEX, count, OP)                                                                  \
    for (stop = t + 12 * (int64_t)((count) / 4); t < stop; t += 12) {                              \
        UNPACK_##INDEX(3);                                                                         \
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
#endif

/* Four gates of one operation over own sources, and what joins them. */
#define POOLS(INDEX, count, OP, JOIN)                                                              \
    for (stop = t + 9 * (int64_t)(count); t < stop; t += 9) {                                      \
        VEC result[SPAN];                                                                          \
        for (int i = 0; i < SPAN; i++) {                                                           \
            const VEC *p = s + i;                                                                  \
            result[i] = JOIN(JOIN(OP(p[SLOT(t[0])], p[SLOT(t[1])]),                                \
                                  OP(p[SLOT(t[2])], p[SLOT(t[3])])),                               \
                             JOIN(OP(p[SLOT(t[4])], p[SLOT(t[5])]),                                \
                                  OP(p[SLOT(t[6])], p[SLOT(t[7])])));                              \
        }                                                                                          \
        for (int i = 0; i < SPAN; i++) {                                                           \
            s[SLOT(t[8]) + i] = result[i];                                                         \
        }                                                                                          \
    }

#include "kernel_sums.h"

#define GATES(INDEX)                                                                               \
    FN void NAME(gates_##INDEX##_)(const net_program *program, VEC *s) {                           \
        const INDEX *t = program->operands, *stop;                                                 \
        const uint32_t *c = program->rounds, *end, *pins = program->pins;                          \
        const int64_t *sums = program->sums;                                                       \
        const int32_t *stage = program->stages, *last = stage + 2 * program->num_stages;           \
        const int32_t *addends = program->addends;                                                 \
        for (; stage < last; stage += 2) {                                                         \
            for (end = c + KINDS * (int64_t)stage[0]; c < end; c += KINDS) {                       \
                PAIRS(INDEX, c[0], X_AND, X_AND)                                                   \
                PAIRS(INDEX, c[1], X_AND, X_LESS)                                                  \
                PAIRS(INDEX, c[2], X_AND, B_LESS)                                                  \
                PAIRS(INDEX, c[3], X_AND, X_OR)                                                    \
                PAIRS(INDEX, c[4], X_AND, X_XOR)                                                   \
                PAIRS(INDEX, c[5], X_LESS, X_LESS)                                                 \
                PAIRS(INDEX, c[6], X_LESS, B_LESS)                                                 \
                PAIRS(INDEX, c[7], X_LESS, X_OR)                                                   \
                PAIRS(INDEX, c[8], X_LESS, X_XOR)                                                  \
                PAIRS(INDEX, c[9], B_LESS, B_LESS)                                                 \
                PAIRS(INDEX, c[10], B_LESS, X_OR)                                                  \
                PAIRS(INDEX, c[11], B_LESS, X_XOR)                                                 \
                PAIRS(INDEX, c[12], X_OR, X_OR)                                                    \
                PAIRS(INDEX, c[13], X_OR, X_XOR)                                                   \
                PAIRS(INDEX, c[14], X_XOR, X_XOR)                                                  \
                SINGLES(INDEX, c[15], X_AND)                                                       \
                SINGLES(INDEX, c[16], X_LESS)                                                      \
                SINGLES(INDEX, c[17], X_OR)                                                        \
                SINGLES(INDEX, c[18], X_XOR)                                                       \
                POOLS(INDEX, c[19], X_AND, X_AND)                                                  \
                POOLS(INDEX, c[20], X_AND, X_OR)                                                   \
                POOLS(INDEX, c[21], X_LESS, X_AND)                                                 \
                POOLS(INDEX, c[22], X_LESS, X_OR)                                                  \
                POOLS(INDEX, c[23], X_OR, X_AND)                                                   \
                POOLS(INDEX, c[24], X_OR, X_OR)                                                    \
                POOLS(INDEX, c[25], X_XOR, X_AND)                                                  \
                POOLS(INDEX, c[26], X_XOR, X_OR)                                                   \
            }                                                                                      \
            NAME(add)(stage[1], &sums, &addends, &pins, s);                                        \
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

#include "kernel_input.h"
#include "kernel_output.h"

FN int NAME(fill)(const net_program *program, const net_job *job, int64_t first, int64_t samples,
                  VEC *state) {
    if (job->codes) {
        return NAME(pack)(program, job, first, samples, state);
    }
    NAME(load_planes)(program, job, first, samples, state);
    return 0;
}

FN void NAME(results)(const net_program *program, const net_job *job, int64_t first,
                      int64_t samples, const VEC *state) {
    const int64_t scores = program->num_scores;
    if (scores && job->classes && !job->scores32 && !job->scores64 && !program->wide_scores) {
        NAME(classes)(program, state, samples, job->classes + first);
    } else if (scores && (job->scores32 || job->scores64 || job->classes)) {
        void *kept = (char *)job->workspace + kept_scores(program, SPAN * WORDS);
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
}

FN int NAME(block)(const net_program *program, const net_job *job, int64_t first, int64_t samples) {
    VEC *state = job->workspace;
    for (int64_t done = 0; done < samples; done += LANES) {
        const int64_t count = samples - done < LANES ? samples - done : LANES;
        if (NAME(fill)(program, job, first + done, count, state + done / LANES)) {
            return 1;
        }
    }
    NAME(gates)(program, state);
    for (int64_t done = 0; done < samples; done += LANES) {
        const int64_t count = samples - done < LANES ? samples - done : LANES;
        NAME(results)(program, job, first + done, count, state + done / LANES);
    }
    return 0;
}

#undef LANES
#undef EXCHANGE
#undef FN
#undef INLINE
#undef VEC
#undef CSA
#undef TERNARY
#undef ALL_XOR
#undef MAJORITY
#undef SLOT
#undef SLOT_SHIFT
#undef OFFSET
#undef AT
#undef X_AND
#undef X_LESS
#undef B_LESS
#undef X_OR
#undef X_XOR
#undef PLACE_uint16_t
#undef PLACE_uint32_t
#undef LOAD
#undef UNPACK_uint16_t
#undef UNPACK_uint32_t
#undef PLACE
#undef PAIRS
#undef SINGLES
#undef POOLS
#undef GATES
