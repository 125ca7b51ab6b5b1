/* Included by kernel.c for every kind of vectors: raw features into codes.

   The code of a feature is how many of its bounds it exceeds, or without bounds the whole number
   that it is. Up to MOST_BOUNDS are compared one by one, 64 features at once; of more a tree. */

#define FEATURES(TYPE, WHOLE)                                                                      \
    /* The codes of `count` features; whether one of them has none. */                             \
    EVERYWHERE TARGET int NAME(coded_##TYPE)(const feature_code *code, const TYPE *x,              \
                                             int64_t first, int64_t count, WHOLE *codes) {         \
        const TYPE *bounds = code->bounds;                                                         \
        int bad = 0;                                                                               \
        if (!code->bounds) {                                                                       \
            const TYPE low = (TYPE)code->low, high = (TYPE)code->high;                             \
            for (int64_t e = 0; e < count; e++) {                                                  \
                const int inside = x[e] >= low && x[e] <= high;                                    \
                codes[e] = (WHOLE)(inside ? x[e] : low);                                           \
                bad |= !inside || (TYPE)codes[e] != x[e];                                          \
            }                                                                                      \
            return bad;                                                                            \
        }                                                                                          \
        for (int64_t e = 0; e < count; e++) {                                                      \
            codes[e] = 0;                                                                          \
            bad |= !(x[e] - x[e] == 0);                                                            \
        }                                                                                          \
        if (code->num_bounds <= MOST_BOUNDS) {                                                     \
            for (int64_t k = 0; k < code->num_bounds; k++) {                                       \
                const TYPE *row = bounds + k * code->elements + first;                             \
                for (int64_t e = 0; e < count; e++) {                                              \
                    codes[e] += x[e] > row[e];                                                     \
                }                                                                                  \
            }                                                                                      \
            return bad;                                                                            \
        }                                                                                          \
        for (int64_t e = 0; e < count; e++) {                                                      \
            const TYPE *own = bounds + (first + e) * code->num_bounds;                             \
            int64_t exceeded = 0;                                                                  \
            for (int64_t step = (code->num_bounds + 1) / 2; step; step /= 2) {                     \
                exceeded += x[e] > own[exceeded + step - 1] ? step : 0;                            \
            }                                                                                      \
            codes[e] = (WHOLE)exceeded;                                                            \
        }                                                                                          \
        return bad;                                                                                \
    }                                                                                              \
    static TARGET int NAME(features_##TYPE)(const feature_code *code, const uint8_t *x,            \
                                            int64_t row_bytes, int64_t samples, uint8_t *codes) {  \
        int bad = 0;                                                                               \
        for (int64_t s = 0; s < samples; s++) {                                                    \
            for (int64_t first = 0; first < code->elements; first += 64) {                         \
                const int64_t left = code->elements - first;                                       \
                const uint8_t *source = x + s * row_bytes + first * (int64_t)sizeof(TYPE);         \
                uint8_t *target = codes + (s * code->elements + first) * code->code_bytes;         \
                TYPE some[64];                                                                     \
                WHOLE found[64];                                                                   \
                if (left >= 64) {                                                                  \
                    memcpy(some, source, sizeof some);                                             \
                    bad |= NAME(coded_##TYPE)(code, some, first, 64, found);                       \
                    NAME(narrow_##TYPE)(target, found, 64, code->code_bytes);                      \
                } else {                                                                           \
                    memcpy(some, source, (size_t)left * sizeof(TYPE));                             \
                    bad |= NAME(coded_##TYPE)(code, some, first, left, found);                     \
                    NAME(narrow_##TYPE)(target, found, left, code->code_bytes);                    \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        return bad;                                                                                \
    }

#define NARROW(TYPE, WHOLE)                                                                        \
    EVERYWHERE TARGET void NAME(narrow_##TYPE)(uint8_t *target, const WHOLE *codes, int64_t count, \
                                               int64_t code_bytes) {                               \
        if (code_bytes == 1) {                                                                     \
            for (int64_t e = 0; e < count; e++) {                                                  \
                target[e] = (uint8_t)codes[e];                                                     \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (int64_t e = 0; e < count; e++) {                                                      \
            const int32_t one = (int32_t)codes[e];                                                 \
            memcpy(target + 4 * e, &one, 4);                                                       \
        }                                                                                          \
    }

NARROW(float, int32_t)
NARROW(double, int64_t)
FEATURES(float, int32_t)
FEATURES(double, int64_t)

#undef NARROW
#undef FEATURES
